"""The rule form: its fields with errors next to each, a backtest, and saving."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from obs_core.alerts import ledger
from obs_core.alerts.rules import parsing, sources
from obs_core.alerts.rules.kind import Field
from obs_core.alerts.rules.kinds import KINDS
from obs_core.alerts.rules.model import Rule
from obs_core.alerts.rules.parsing import InvalidField
from obs_core.alerts.snapshot import AlertsSnapshot
from obs_core.clock import now_ns
from obs_core.errors import ObsError
from obs_core.settings import from_environment
from obs_core.ui.alerts import backtest_card, ledger_access, rule_fields
from obs_core.ui.alerts.scope_names import SCOPE_NAMES, scope_names
from obs_core.ui.kit import formatting, navigation, suggest
from obs_core.ui.kit.fold import value_of
from obs_core.ui.shell.panel import boundary, report
from obs_core.ui.shell.rule_suggestions import RULES, VIEW
from obs_core.ui.shell.scope import PageScope

_UNNAMED: Final = "new rule"
_COLUMNS: Final = 4
_MAX_CHARS: Final = 2_000


def fill(texts: Mapping[str, str]) -> None:
    """Fill the form and show it; must run before its controls are drawn, as a button's `on_click` does."""
    kind = texts.get("kind", rule_fields.DEFAULT_KIND)
    st.session_state["r_kind"] = kind
    for field in rule_fields.all_fields(kind):
        st.session_state[f"r_{field.name}"] = texts.get(field.name, field.default)
    st.session_state[VIEW] = RULES


def rule_form(snapshot: AlertsSnapshot, scope: PageScope) -> None:
    """Draw the form; a rule must be backtested before it can be saved."""
    kind, texts, slots = _fields(scope)
    table, problem = _table(kind, texts), ""
    try:
        rule = parsing.parse_rule({**table, "name": table.get("name", _UNNAMED)})
    except InvalidField as error:
        slots.get(error.field, st).caption(f":red[:material/error: {formatting.escape_markdown(_sentence(error))}]")
        rule, problem = None, f"{_label(kind, error.field)} {error.problem}."
    _buttons(snapshot, scope, rule, problem, named="name" in table)
    if rule is not None:
        with boundary("Backtest"):
            backtest_card.result(rule, scope)


def _fields(scope: PageScope) -> tuple[str, dict[Field, str], dict[str, Any]]:
    """Draw the fields; return the kind, the fields' texts, and under each field an empty element for its error."""
    texts: dict[Field, str] = {}
    slots: dict[str, Any] = {}
    columns = st.columns(_COLUMNS, gap="small")
    kinds = sorted(KINDS, key=lambda name: name != rule_fields.DEFAULT_KIND)  # the default is the first option
    with columns[0]:
        kind = st.selectbox("Kind", kinds, key="r_kind", bind="query-params")
    _row((rule_fields.NAME,), texts, slots, columns[1:2])
    _suggest(kind, scope)
    st.caption(KINDS[kind].summary)
    scope_fields = rule_fields.scope_fields(kind)
    _row((*scope_fields[:3], rule_fields.FOR), texts, slots)
    _row((*KINDS[kind].fields, rule_fields.SEVERITY), texts, slots)
    with st.expander("More: no data, flapping, labels, annotations, snooze"):
        _row((*scope_fields[3:], *rule_fields.COMMON), texts, slots)
    return kind, texts, slots


def _suggest(kind: str, scope: PageScope) -> None:
    """Suggest names of the window for the fields of the scope of a rule, by what is typed in them so far."""
    failed: ObsError | None = None
    for field in rule_fields.scope_fields(kind):
        typed = str(value_of(f"r_{field.name}") or "")
        try:
            suggest.offer(f"r_{field.name}", suggest.best(scope_names(field.name, kind, scope), typed))
        except ObsError as error:  # the names can be typed
            failed = error
    if failed is not None:
        report("Suggested names", f"No names are suggested. {failed.message} {failed.hint}".strip())


def _row(
    fields: tuple[Field, ...],
    texts: dict[Field, str],
    slots: dict[str, Any],
    columns: Sequence[DeltaGenerator] | None = None,
) -> None:
    for start in range(0, len(fields), _COLUMNS):
        row = columns or st.columns(_COLUMNS, gap="small")
        for column, field in zip(row, fields[start : start + _COLUMNS], strict=False):
            with column:
                texts[field] = _control(field)
                slots[field.name] = st.empty()


def _control(field: Field) -> str:
    key, help_ = f"r_{field.name}", field.help or None
    if field.type in {"choice", "switch"}:
        placeholder = "Default for this kind"
        return st.selectbox(
            field.label, field.options, key=key, bind="query-params", help=help_, placeholder=placeholder
        )
    if field.type == "open choice":
        typed = st.session_state.get(key) or st.query_params.get(key) or field.default
        options = [*field.options, *([typed] if typed not in field.options else [])]
        selected = st.selectbox(
            field.label,
            options,
            index=options.index(field.default),
            key=key,
            bind="query-params",
            help=help_,
            accept_new_options=True,
        )
        return (selected or field.default).strip()[:_MAX_CHARS]
    return st.text_input(
        field.label,
        live=suggest.LIVE if field.name in SCOPE_NAMES else False,
        value=field.default,
        key=key,
        bind="query-params",
        help=help_,
        max_chars=_MAX_CHARS,
        placeholder={"period": "such as 30s, 5m, 1h", "end": "such as 1h, 2d"}.get(field.type),
    ).strip()


def _table(kind: str, texts: Mapping[Field, str]) -> dict[str, Any]:
    """The rule as a table of rules.toml, without the fields that have their default."""
    given = {
        field.name: rule_fields.read(field, text) for field, text in texts.items() if text not in ("", field.default)
    }
    return {"kind": kind, **given}


def _label(kind: str, name: str) -> str:
    return next((field.label for field in rule_fields.all_fields(kind) if field.name == name), name)


def _sentence(error: InvalidField) -> str:
    return error.problem[:1].upper() + error.problem[1:] + "."


def _buttons(snapshot: AlertsSnapshot, scope: PageScope, rule: Rule | None, problem: str, *, named: bool) -> None:
    existing = snapshot.named(rule.name) if rule is not None and named else None
    in_file = existing is not None and existing.source == "file"
    tested = rule is not None and backtest_card.is_tested(rule)
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        over = backtest_card.span(scope)
        if st.button("Backtest", key="r_test", type="secondary" if tested else "primary", disabled=rule is None):
            with boundary("Backtest"), st.spinner("Running backtest…"):
                assert rule is not None
                backtest_card.run(rule, over)
            st.rerun()
        label = "Save changes" if existing is not None else "Save rule"
        disabled = not (tested and named) or in_file
        if st.button(label, key="r_save", type="primary" if tested else "secondary", disabled=disabled):
            assert rule is not None
            _save(rule, existing)
    if note := problem or _why_not(named=named, tested=tested, in_file=in_file):
        st.caption(formatting.escape_markdown(note))


def _why_not(*, named: bool, tested: bool, in_file: bool) -> str:
    if in_file:
        return f"{sources.NAME} has a rule with this name: edit it there, or choose another name."
    if not tested:
        return "Run a backtest to see when it would have fired; then it can be saved."
    return "" if named else "Give it a name to save it."


def _save(rule: Rule, existing: Rule | None) -> None:
    with boundary("Save"), ledger_access.opened() as connection:
        saved, until_ns = replace(rule, snoozed_until_ns=None), rule.snoozed_until_ns
        if existing is None:
            sources.add(connection, from_environment().log.absolute(), saved, now_ns())
        else:
            sources.change(connection, saved)
        if until_ns is not None or (existing is not None and existing.is_snoozed(now_ns())):
            ledger.snooze(connection, rule.name, until_ns or now_ns())
        st.toast(f"Saved “{formatting.escape_markdown(rule.name)}”.", icon=":material/check:")
        navigation.update_link(a_rule=rule.name)
        st.rerun()
