"""Which small changes are made to the code: those of mutmut, and a few that a table of numbers needs besides."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import libcst as cst
import libcst.matchers as m
from mutmut.mutation.mutators import mutation_operators, operator_arg_removal, operator_match, operator_string

Operator = tuple[type, Callable[[Any], Any]]

_NUMBER_TEXT = re.compile(r"""(['"])([0-9.]*)([0-9])(['"])""")
_SWAPPED = {"any": "all", "all": "any", "min": "max", "max": "min"}


def another_text(node: cst.SimpleString) -> Iterator[cst.SimpleString]:
    """`"low"` becomes `"XXlowXX"`; mutmut asks twice more, of the text in capitals and in small letters."""
    if node.quote in ('"', "'"):
        inside = node.value[len(node.prefix) + 1 : -1]
        yield node.with_changes(value=f"{node.prefix}{node.quote}XX{inside}XX{node.quote}")


def argument_lost(node: cst.Call) -> Iterator[cst.Call]:
    """An argument becomes `None`; mutmut asks once more, of the call without it."""
    for place, argument in enumerate(node.args):
        if not argument.star and not m.matches(argument.value, m.Name("None")):
            lost = argument.with_changes(value=cst.Name("None"))
            yield node.with_changes(args=[*node.args[:place], lost, *node.args[place + 1 :]])


def another_number(node: cst.Call) -> Iterator[cst.Call]:
    """`Decimal("0.06")` becomes `Decimal("0.07")`; mutmut would only write letters into the text."""
    if not m.matches(node, m.Call(func=m.Name("Decimal"), args=[m.Arg(m.SimpleString())])):
        return
    text = cst.ensure_type(node.args[0].value, cst.SimpleString)
    found = _NUMBER_TEXT.fullmatch(text.value)
    if found:
        quote, front, last, _ = found.groups()
        changed = text.with_changes(value=f"{quote}{front}{(int(last) + 1) % 10}{quote}")
        yield node.with_changes(args=[node.args[0].with_changes(value=changed)])


def one_element_less(node: cst.Tuple | cst.List | cst.Set | cst.Dict) -> Iterator[cst.CSTNode]:
    """A table, list or set without one of its entries."""
    for place in range(len(node.elements)):
        kept = [*node.elements[:place], *node.elements[place + 1 :]]
        if isinstance(node, cst.Set) and not kept:
            continue
        if isinstance(node, cst.Tuple):
            yield _tuple(node, kept)
        else:
            yield node.with_changes(elements=kept)


def _tuple(node: cst.Tuple, kept: Sequence[cst.BaseElement]) -> cst.Tuple:
    if len(kept) == 1:
        comma = cst.Comma(whitespace_after=cst.SimpleWhitespace(""))
        kept = [kept[0].with_changes(comma=comma)]
    lpar, rpar = list(node.lpar) or [cst.LeftParen()], list(node.rpar) or [cst.RightParen()]
    return node.with_changes(elements=kept, lpar=lpar, rpar=rpar)


def other_quantifier(node: cst.Call) -> Iterator[cst.Call]:
    """`any` for `all`, `min` for `max`, and the other way round."""
    if isinstance(node.func, cst.Name) and node.func.value in _SWAPPED:
        yield node.with_changes(func=cst.Name(_SWAPPED[node.func.value]))


def condition_ignored(node: cst.If | cst.While | cst.CompIf) -> Iterator[cst.CSTNode]:
    """A condition that never or always holds."""
    space = "whitespace_after_while" if isinstance(node, cst.While) else "whitespace_before_test"
    for value in ("False",) if isinstance(node, cst.While) else ("False", "True"):
        yield node.with_changes(test=cst.Name(value), **{space: cst.SimpleWhitespace(" ")})


def guard_ignored(node: cst.MatchCase) -> Iterator[cst.MatchCase]:
    """The guard of a `case` that never or always holds."""
    if node.guard is not None:
        for value in ("False", "True"):
            yield node.with_changes(guard=cst.Name(value), whitespace_after_if=cst.SimpleWhitespace(" "))


def one_operand_less(node: cst.BooleanOperation) -> Iterator[cst.BaseExpression]:
    """`a and b` becomes `a`, and becomes `b`."""
    for side in (node.left, node.right):
        yield side.with_changes(lpar=[*node.lpar, *side.lpar], rpar=[*side.rpar, *node.rpar])


def case_dropped(node: cst.Match) -> Iterator[cst.Match]:
    """A `match` without one of its cases, but for the one that tells our own bugs."""
    for place, case in enumerate(node.cases):
        if len(node.cases) > 1 and not _tells_a_bug(case):
            yield node.with_changes(cases=[*node.cases[:place], *node.cases[place + 1 :]])


def _tells_a_bug(case: cst.MatchCase) -> bool:
    return bool(m.findall(case, m.Call(func=m.Name("assert_never"))))


def statement_dropped(node: cst.SimpleStatementLine) -> Iterator[cst.SimpleStatementLine]:
    """A `yield`, an append or another call left out."""
    if len(node.body) == 1 and m.matches(node.body[0], m.Expr(~m.SimpleString())):
        yield node.with_changes(body=[cst.Pass()])


def nothing_returned(node: cst.Return) -> Iterator[cst.Return]:
    """`return x` becomes `return None`; `return False` becomes `return True` already."""
    if node.value is not None and not m.matches(node.value, m.Name("None") | m.Name("False")):
        yield node.with_changes(value=cst.Name("None"), whitespace_after_return=cst.SimpleWhitespace(" "))


OWN: tuple[Operator, ...] = (
    (cst.SimpleString, another_text),
    (cst.Call, argument_lost),
    (cst.Call, another_number),
    (cst.Tuple, one_element_less),
    (cst.List, one_element_less),
    (cst.Set, one_element_less),
    (cst.Dict, one_element_less),
    (cst.Call, other_quantifier),
    (cst.If, condition_ignored),
    (cst.While, condition_ignored),
    (cst.CompIf, condition_ignored),
    (cst.Match, case_dropped),
    (cst.MatchCase, guard_ignored),
    (cst.BooleanOperation, one_operand_less),
    (cst.SimpleStatementLine, statement_dropped),
    (cst.Return, nothing_returned),
)
REPLACED = (operator_match, operator_string, operator_arg_removal)
OPERATORS: tuple[Operator, ...] = (*(one for one in mutation_operators if one[1] not in REPLACED), *OWN)


def never_changed(node: cst.CSTNode) -> bool:
    """What no test can or should notice; the reasons stand in `report.NEVER_CHANGED`."""
    if isinstance(node, (cst.Annotation, cst.Decorator, cst.Import, cst.ImportFrom, cst.Assert)):
        return True
    if m.matches(node, m.SimpleStatementLine(body=[m.Expr(m.SimpleString())])):
        return True
    if isinstance(node, cst.MatchCase):
        return _tells_a_bug(node)
    return _names_a_type(node) or m.matches(node, m.Assign(targets=[m.AssignTarget(target=m.Name("__all__"))]))


def _names_a_type(node: cst.CSTNode) -> bool:
    literal = m.Subscript(value=m.Name("Literal") | m.Name("tuple"))
    variable = m.Call(func=m.Name("TypeVar"))
    return m.matches(node, m.Assign(value=literal | variable))


def names_targets(node: cst.CSTNode, parent: cst.CSTNode) -> bool:
    """Whether a tuple names the targets of an assignment, rather than being a value."""
    targets = (cst.AssignTarget, cst.For, cst.CompFor)
    return isinstance(node, cst.Tuple) and isinstance(parent, targets) and parent.target is node
