"""Rules in CEL: what is one, and which part of it is broken where."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wf_server.expressions.finding import Finding
from wf_server.expressions.rule import MAX_DEPTH, MAX_FINDINGS, MAX_LENGTH, STEPS, Case, Rule, RuleError

NOW = datetime(2026, 3, 29, 1, 30, tzinfo=UTC)


def job(**args: str) -> dict[str, Any]:
    return {"name": "sleep", "desc": "", "args": args, "timeout": "", "attempts": 1}


def case(*blocks: list[dict[str, Any]]) -> Case:
    told = [{"desc": f"b{at}", "rateLimit": at, "jobs": jobs} for at, jobs in enumerate(blocks)]
    sites = {"aap": {"type": "satellite", "status": "decom"}}
    return Case(
        {
            "request": {"name": "X", "desc": "", "blocks": told},
            "inventory": {"sites": sites, "machines": {"aap": ["aa00"]}},
            "now": NOW,
        }
    )


def judged(rule: str, *blocks: list[dict[str, Any]]) -> list[Finding]:
    return Rule(rule).judge(case(*(blocks or ([job(site="aap")],))))


def one(rule: str, *blocks: list[dict[str, Any]]) -> Finding:
    [finding] = judged(rule, *blocks)
    return finding


@pytest.mark.parametrize(
    "rule",
    [
        "true",
        "request.name == 'X' && size(request.blocks) == 1",
        "request.blocks.all(b, b.jobs.all(j, j.args.site in inventory.sites)) // a remark && false",
        "request.blocks.all(b, b.jobs.all(j, 'aa00' in inventory.machines[j.args.site]))",
        "now == timestamp('2026-03-29T01:30:00Z')",
        # The hour that is left out that night.
        "now.getHours('Europe/Berlin') == 3 && now.getHours() == 1",
        "!request.blocks.exists(b, b.jobs.exists(j, has(j.args.machine)))",
        "request.name.matches('^[A-Z]$')",
        "request.blocks\n  .all(b, b.rateLimit == 0)\n",
        "('&&' + \"||\" + r'\\d' + '''a)\n''').size() > 3 && true",
    ],
)
def test_a_rule_that_holds(rule: str) -> None:
    assert judged(rule) == []


def test_a_part_comes_with_its_values_and_its_place() -> None:
    rule = (
        "request.name != '' &&\n"
        " request.blocks.all(b, size(b.jobs) <= 1 && b.jobs.all(j, j.args.site != 'aaq'))"
    )
    found = judged(rule, [job(site="aap")], [job(site="aap"), job(site="aaq")])
    assert found == [
        Finding("size(b.jobs) <= 1", "line 2 column 24", "is false", ("size(b.jobs) is 2",), 1, None),
        Finding("j.args.site != 'aaq'", "line 2 column 59", "is false", ('j.args.site is "aaq"',), 1, 1),
    ]


@pytest.mark.parametrize(
    ("rule", "problem"),
    [
        ("request.blocks.all(b, b.jobs[0].args.nope == '1')", 'has no value: Key not found in map : "nope"'),
        ("request.blocks.all(b, b.jobs[0].args.site < 3)", "has no value: No matching overloads found"),
        ("request.name.matches('(')", "has no value: invalid regular expression: missing ): ("),
        ("1 / (size(request.blocks) - 1) == 1", "has no value: divide by zero"),
        ("request.blocks[0].jobs[0].args.site", 'is "aap", and not true or false'),
    ],
)
def test_what_has_no_value_is_not_true(rule: str, problem: str) -> None:
    assert one(rule).problem.startswith(problem)


def test_an_error_beside_something_false_does_not_hide_it() -> None:
    found = judged("request.blocks.all(b, b.jobs[9].x == 1 && b.rateLimit > 3)")
    assert [finding.problem.split(":")[0] for finding in found] == ["has no value", "is false"]


def test_a_choice_stays_whole() -> None:
    finding = one("request.name == 'Y' && false || size(request.blocks) > 3 && true")
    assert finding.part == "request.name == 'Y' && false || size(request.blocks) > 3 && true"
    assert 'request.name is "X"' in finding.values


def test_what_is_looked_up_is_told_too() -> None:
    rule = "request.blocks.all(b, b.jobs.all(j, inventory.sites[j.args.site].status.size() > 9 || b.hold))"
    assert one(rule).values == ('inventory.sites[j.args.site].status is "decom"', 'j.args.site is "aap"')


def test_a_map_is_asked_as_a_whole() -> None:
    rule = "inventory.sites.all(s, inventory.sites[s].type == 'cluster')"
    assert (one(rule).part, one(rule).block) == (rule, None)


def test_not_every_breach_is_told() -> None:
    assert len(judged("request.blocks.all(b, b.jobs.all(j, false))", [job()] * 500)) == MAX_FINDINGS


def test_a_large_request_is_asked_element_by_element() -> None:
    jobs = [job(site="aap")] * (STEPS + 500)
    rule = "request.blocks.all(b, b.jobs.all(j, j.args.site == 'aap'))"
    assert judged(rule, jobs) == []
    finding = one(rule, [*jobs, job(site="aaq")])
    assert (finding.block, finding.job) == (0, len(jobs))
    # Where it cannot be, it fails closed.
    told = one("!request.blocks.exists(b, b.jobs.exists(j, j.args.site == 'aaq'))", jobs)
    assert told.problem == "looks at more than 10,000 elements, which is the limit"


def test_nested_loops_end_at_the_limit() -> None:
    ten = "[1,2,3,4,5,6,7,8,9,10]"
    rule = "".join(f"{ten}.map(x{n}, " for n in range(6)) + "1" + ")" * 6 + " != []"
    assert "10,000 elements" in one(rule).problem


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "there is no expression"),
        (" // nothing", "there is no expression"),
        ("1 +", "line 1 column 4: Syntax error"),
        ("true &&\n nope", "line 2 column 2: undeclared reference to 'nope'"),
        ("(true", "line 1 column 6: ) is missing"),
        ("true)", "line 1 column 5: this ) closes nothing"),
        ("size(request.blocks)", "line 1 column 1: its value is of type INT; true or false is expected"),
        ("request.blocs == []", "line 1 column 1: request has no field blocs; it has blocks, desc, "),
        ("request.blocks.all(b, b.job == 1)", "line 1 column 23: b has no field job; it has desc, "),
        ("request.blocks.all(b, b.jobs.all(j, j.arg.x == ''))", "line 1 column 37: j has no field arg"),
        ("request.blocks.all(now, true)", "line 1 column 20: now is what the rule is about"),
        ("wf_at(0) == 1", "line 1 column 6: undeclared reference to 'wf_at'"),
        (
            "true == " + "(" * (MAX_DEPTH + 1) + "true" + ")" * (MAX_DEPTH + 1),
            "nested 21 deep; at most 20 is",
        ),
        ("'" + "a" * MAX_LENGTH + "' == ''", "an expression of 2,008 characters; at most 2,000 are allowed"),
        ("[1]" + ".map(a, a)" * 30 + " == []", "it is nested too deeply, or is too long a chain"),
        ("'\ud800' == ''", "it is no text"),
        ("é == 1", "line 1 column 1: Syntax error"),
    ],
)
def test_what_is_no_rule(text: str, told: str) -> None:
    with pytest.raises(RuleError) as error:
        Rule(text)
    assert told in str(error.value)
    assert "\n" not in str(error.value)


_LEAVES = st.sampled_from(
    [
        *("true", "false", "'&&' != ')'", "b.rateLimit > 0", "b.desc == 'b1'", "size(b.jobs) == 1"),
        *("b.jobs[1].name == 'sleep'", "b.jobs.all(j, j.args.site == 'aap')"),
        "b.jobs.exists(j, j.args.site == 'aaq')",
    ]
)
_BODIES = st.recursive(
    _LEAVES,
    lambda inner: st.one_of(
        st.builds("{} && {}".format, inner, inner),
        st.builds("({})".format, inner),
        st.builds("({} || {})".format, inner, inner),
        st.builds("!({})".format, inner),
        st.builds("({} ? {} : {})".format, inner, inner, inner),
    ),
    max_leaves=8,
)
_JOBS = st.lists(st.sampled_from([job(site="aap"), job(site="aaq"), job()]), max_size=3)


@given(body=_BODIES, blocks=st.lists(_JOBS, max_size=3))
def test_taken_apart_it_holds_exactly_where_the_whole_does(
    body: str, blocks: list[list[dict[str, Any]]]
) -> None:
    rule = f"request.blocks.all(b, {body})"
    found = judged(rule, *blocks) if blocks else Rule(rule).judge(case())
    # As CEL has it: the number of blocks for which the body is true is that of all.
    each = [
        Rule(f"[request.blocks[{at}]].exists(b, {body})").judge(case(*blocks)) == []
        for at in range(len(blocks))
    ]
    assert (found == []) == all(each)
    # What is told points at blocks that break it.
    assert all(finding.block is not None and not each[finding.block] for finding in found)
    if len(found) < MAX_FINDINGS:
        assert {finding.block for finding in found} == {at for at, holds in enumerate(each) if not holds}


@given(text=st.text(alphabet="ab.()[]{}&|?:'\"\\!,= \n/request", max_size=60))
def test_any_text_is_a_rule_or_no_rule(text: str) -> None:
    try:
        rule = Rule(text)
    except RuleError as error:
        assert str(error)  # noqa: PT017 - either is right
        return
    assert all(finding.part for finding in rule.judge(case([job()])))
