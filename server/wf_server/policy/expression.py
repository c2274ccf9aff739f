"""expression: rules in CEL, the Common Expression Language, about the WorkReq and the inventory."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from pydantic import AfterValidator, Field

from wf_server.config import Section
from wf_server.errors import ConfigError
from wf_server.expressions.finding import Finding
from wf_server.jobs.registry import JobRegistry
from wf_server.model import Violation, WorkReq
from wf_server.policy.base import Facts, Policy, Text
from wf_server.wording import printable, told

MAX_RULES = 100
MAX_SECONDS = 20.0


def _not_blank(text: str) -> str:
    if not text.strip():
        raise ValueError("it is empty; an expression that is true or false is expected")
    return text


class ExpressionRule(Section):
    """What has to be true of a WorkReq."""

    rule: Annotated[Text, AfterValidator(_not_blank)] = Field(alias="Rule")
    """An expression in CEL over `request`, `inventory` and `now`, that is true or false."""
    message: Text = Field(default="", alias="Message", max_length=500)
    """What those are told whose WorkReq does not fulfil it."""


class ExpressionSettings(Section):
    """The settings of expression."""

    rules: tuple[ExpressionRule, ...] = Field(alias="Rules", min_length=1, max_length=MAX_RULES)
    """The rules, each of which has to be true."""
    seconds: float = Field(default=2.0, alias="Seconds", ge=0.05, le=MAX_SECONDS)
    """How long all of them together may take to judge one WorkReq."""


class Expression(Policy[ExpressionSettings]):
    """Rules in CEL are true of the WorkReq."""

    name = "expression"
    help = (
        "Each of Rules, an expression in CEL (the Common Expression Language) over request, inventory and "
        "now, is true. A rule that cannot be evaluated, or takes longer than Seconds, is broken."
    )
    settings_type = ExpressionSettings
    waits = True

    def check_settings(self, registry: JobRegistry) -> None:
        """Raises ConfigError for what is no rule: what is wrong, and at which line and column of it."""
        # Only where there are rules: the library takes memory, and time at the start.
        from wf_server.expressions.rule import Rule, RuleError

        for index, rule in enumerate(self.settings.rules):
            try:
                Rule(rule.rule)
            except RuleError as error:
                raise ConfigError(f"Rules[{index}].Rule: {error}") from None

    async def check(self, request: WorkReq, facts: Facts) -> list[Violation]:
        """Finds the parts of rules that are not true."""
        rules, judge = self.settings.rules, facts.expressions
        if judge is None:
            return [Violation(self.name, "nobody is there to judge the rules, so none is fulfilled")]
        verdicts = await judge.judge(
            [rule.rule for rule in rules], request, facts.inventory, facts.now_us, self.settings.seconds
        )
        violations = [
            violation
            for rule, findings in zip(rules, verdicts.findings, strict=False)
            for violation in self._broken(rule, findings)
        ]
        if verdicts.problem:
            rule = rules[len(verdicts.findings)]
            found = f"a rule that {verdicts.problem}"
            violations.append(self._violation(rule, found, Finding("", "", "")))
        return violations

    def _broken(self, rule: ExpressionRule, findings: tuple[Finding, ...]) -> Iterator[Violation]:
        for finding in findings:
            found = f"{finding.part} {finding.problem}"
            if finding.position and finding.part != _line(rule.rule):
                found += f", at {finding.position} of the rule"
            if finding.values:
                found += f"; {', '.join(finding.values)}"
            yield self._violation(rule, found, finding)

    def _violation(self, rule: ExpressionRule, found: str, finding: Finding) -> Violation:
        message = rule.message or "a rule is not fulfilled"
        expected = f"true: {_shortened(_line(rule.rule))}"
        return Violation(self.name, message, finding.block, finding.job, found=found, expected=expected)


def _line(text: str) -> str:
    return printable(" ".join(text.split()))


def _shortened(text: str) -> str:
    return text if len(text) <= 200 else told(text)
