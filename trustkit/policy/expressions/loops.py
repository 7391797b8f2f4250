"""Macros as Python: each is a function of its own, called where the macro stands.

A generator is made, resumed for every element and closed; a function that loops does without, and most of a policy's
work are loops over packages and findings.
"""

MACROS = ("all", "exists", "exists_one", "filter", "map")
# What every function of compiled code is given: the facts, the counted statements, the fuel.
GIVEN = "V, A, F"
_FUNCTION = """\
def {function}({given}, values):
    F.units -= len(values) + 1
    if F.units < 0: raise FuelError
    {before}
    for {name} in values:
        {each}
    return {after}
"""
# what stands before the loop, is done each time, and is returned after it
_PARTS = {
    "all": ("", "if not {body}: return False", "True"),
    "exists": ("", "if {body}: return True", "False"),
    "exists_one": ("found = 0", "if {body}: found += 1", "found == 1"),
    "filter": ("found = []", "if {body}: found.append({name})", "tuple(found)"),
    "map": ("found = []", "found.append({body})", "tuple(found)"),
}


def variable(level: int) -> str:
    """Return the Python name of the variable of a macro with so many around it."""
    return f"x{level}"


def loop(function: str, macro: str, level: int, body: str) -> str:
    """Return the definition of the function that evaluates a macro."""
    before, each, after = _PARTS[macro]
    name = variable(level)
    each = each.format(body=body, name=name)
    given = _given(level)
    return _FUNCTION.format(function=function, given=given, name=name, before=before, each=each, after=after)


def call(function: str, level: int, over: str) -> str:
    """Return the call of that function, which sees the variables of the macros around."""
    return f"{function}({_given(level)}, {over})"


def _given(level: int) -> str:
    return ", ".join((GIVEN, *(variable(at) for at in range(level))))
