"""What matters first: defective parts that slip through, good parts that are stopped."""

from collections.abc import Sequence
from html import escape

import streamlit as st

from blemish.dashboard.address_widgets import note_unresolved, remember, say_unresolved
from blemish.dashboard.compare import comparison_cache
from blemish.dashboard.compare.compared_images import ComparedImage, paired_calls
from blemish.dashboard.compare.comparison_view import ComparisonView
from blemish.dashboard.compare.image_filters import LEFT_OUT, RESULTS, cell_name
from blemish.dashboard.compare.paired_metrics import PairedMetric
from blemish.dashboard.compare.version_pair import Pair
from blemish.dashboard.page_errors import plain
from blemish.dashboard.terms import TERM_STYLE, meanings, question_mark
from blemish.metrics import Interval, PairedCalls, PairedShare

_RESULT = "result"


def show(view: ComparisonView, said: str) -> str:
    """Show the numbers and the matrix; return the result that the list is to show.

    Args:
        view: The comparison as the person sees it.
        said: Sentence on which images and thresholds these are.
    """
    left_out = {LEFT_OUT: f"Left out ({len(view.split.left_out)})"} if view.split.left_out else {}
    if view.remarks:
        st.warning("  \n".join(map(plain, view.remarks)), icon=":material/balance:")
    if not view.counted:
        st.info("No image is left that says something about both versions.")
        return _choose_result(left_out)
    images = paired_calls(view.counted)
    if not len(images):
        _show_unjudged(view.counted)
        some = {"all": RESULTS["all"], "differs": RESULTS["differs"]}
        return _choose_result(some | left_out)
    parts = images.by_part()
    numbers, matrix = st.columns([1.5, 1], gap="medium")
    with numbers:
        metrics = comparison_cache.metrics_of(
            view.pair, view.collection, view.thresholds, view.counted
        )
        st.html(table(view.pair, parts, images, metrics, view.sets))
        st.caption(said, help=meanings("part", "group", "interval", "operating point"))
    with matrix:
        _show_matrix(parts)
    return _choose_result(RESULTS | left_out)


def table(
    pair: Pair,
    parts: PairedCalls,
    images: PairedCalls,
    metrics: Sequence[PairedMetric],
    sets: str,
) -> str:
    """Return the numbers of both versions as an HTML table; the report shows the same."""
    rows = [
        _row("Defective parts missed (escapes)", parts.escapes, term="escape"),
        _row("Defect-free parts flagged (false alarms)", parts.false_alarms, term="false alarm"),
    ]
    if len(images) != len(parts):
        rows += [
            _row("Defective images missed", images.escapes, "minor"),
            _row("Defect-free images flagged", images.false_alarms, "minor"),
        ]
    rows += [_metric_row(metric, sets) for metric in metrics if metric.name == "Dice"]
    heads = ["", escape(pair.a.title), escape(pair.b.title)]
    heads.append(f"B minus A, on the same parts (paired){question_mark('paired')}")
    top = "".join(f"<th scope='col'>{head}</th>" for head in heads)
    return (
        f"<div class='blemish-scroll'><table class='blemish-decision'><thead><tr>{top}</tr></thead>"
        f"<tbody>{''.join(rows)}</tbody></table></div>{STYLE}"
    )


def _row(name: str, share: PairedShare, kind: str = "", *, term: str = "") -> str:
    if not share.total:
        cells = ["no such part", "no such part", "-"]
    else:
        cells = [
            cell(f"{count} of {share.total}", count / share.total, interval)
            for count, interval in ((share.a, share.interval_a), (share.b, share.interval_b))
        ]
        cells.append(difference(share.difference, share.interval_difference))
    return _table_row(name, cells, kind, term)


def _metric_row(metric: PairedMetric, sets: str) -> str:
    cells = [
        f"<b>{value:.3f}</b>{_range(interval, '.3f')}"
        for value, interval in ((metric.a, metric.interval_a), (metric.b, metric.interval_b))
    ]
    cells.append(f"<b>{metric.difference:+z.3f}</b>{_range(metric.interval_difference, '+z.3f')}")
    return _table_row(f"{metric.words}, {sets}", cells, "minor", metric.name)


def _table_row(name: str, cells: Sequence[str], kind: str, term: str) -> str:
    body = "".join(f"<td>{cell}</td>" for cell in cells)
    mark = question_mark(term) if term else ""
    return f"<tr class='{kind}'><th scope='row'>{escape(name)}{mark}</th>{body}</tr>"


def cell(text: str, share: float, interval: Interval | None) -> str:
    """Return a share with its interval as the content of a cell; escapes nothing."""
    span = "" if interval is None else _range(interval, ".1%")
    return f"<b>{text}</b> <i>{share:.1%}</i>{span}"


def difference(value: float, interval: Interval | None) -> str:
    """Return a difference of shares, in percentage points, with its interval."""
    points = f"{100 * value:+z.1f} points"
    if interval is None:
        return f"<b>{points}</b>"
    ends = f"{100 * interval.low:+z.1f} to {100 * interval.high:+z.1f}"
    return f"<b>{points}</b><small>95 %: {ends}</small>"


def _range(interval: Interval | None, spec: str) -> str:
    if interval is None:
        return "<small>one part only</small>"
    return f"<small>95 %: {interval.low:{spec}} to {interval.high:{spec}}</small>"


def _show_unjudged(compared: Sequence[ComparedImage]) -> None:
    """Say of images without truth what each version makes of them."""
    number = len(compared)
    a, b = (sum(calls) for calls in zip(*((c.called_a, c.called_b) for c in compared), strict=True))
    differ = sum(one.differs for one in compared)
    st.markdown(
        f"Nobody has marked the defects of {'this image' if number == 1 else 'these images'}, so "
        f"there are no escapes or false alarms to count. Of **{number}** "
        f"{'image' if number == 1 else 'images'}, A calls **{a}** defective and B calls **{b}**; "
        f"they differ on **{differ}**."
    )


def _show_matrix(parts: PairedCalls) -> None:
    """Show the parts by truth and by both calls; a click shows the images of a cell."""
    for defective, total in ((True, parts.escapes.total), (False, parts.false_alarms.total)):
        kind = "Defective" if defective else "Defect-free"
        with st.container(key=f"matrix-{kind.lower()}", gap="xxsmall"):
            st.markdown(f"**{kind} parts: {total}**")
            for a in (True, False):
                for b, column in zip((True, False), st.columns(2, gap="small"), strict=True):
                    with column:
                        _show_cell(parts, defective=defective, a=a, b=b)


def _show_cell(parts: PairedCalls, *, defective: bool, a: bool, b: bool) -> None:
    cell = cell_name(defective=defective, a=a, b=b)
    chosen = st.session_state.get(_RESULT, st.query_params.get(_RESULT))
    st.button(
        f"{_CELLS[defective, a, b]}: {parts.count(defective=defective, a=a, b=b)}",
        key=f"cell-{cell}",
        type="primary" if chosen == cell else "secondary",
        width="stretch",
        help="Show the images of these parts; click again for all.",
        on_click=_toggle,
        args=(cell,),
    )


_CELLS = {
    (True, True, True): "Both find",
    (True, True, False): "Missed by B alone",
    (True, False, True): "Missed by A alone",
    (True, False, False): "Missed by both",
    (False, True, True): "Both flag",
    (False, True, False): "Flagged by A alone",
    (False, False, True): "Flagged by B alone",
    (False, False, False): "Both let pass",
}


def _toggle(cell: str) -> None:
    chosen = st.session_state.get(_RESULT)
    st.session_state[_RESULT] = "all" if chosen == cell else cell


def _choose_result(options: dict[str, str]) -> str:
    """Show the filters by result; a cell of the matrix stands among them while it is chosen."""
    asked = st.session_state.get(_RESULT) or st.query_params.get(_RESULT) or "all"
    current = asked
    cells = {cell_name(defective=d, a=a, b=b): text for (d, a, b), text in _CELLS.items()}
    if current in cells and "missed_a" in options:
        options = options | {current: cells[current]}
    elif current not in options:
        current = next(iter(options))
        if asked not in (*RESULTS, *cells, LEFT_OUT):
            note_unresolved(_RESULT, asked, current)
    st.session_state[_RESULT] = current
    chosen = st.segmented_control(
        "Images to show", list(options), format_func=options.__getitem__, key=_RESULT,
        required=True, label_visibility="collapsed",
    )  # fmt: skip
    say_unresolved(_RESULT, "result", str(chosen), options[str(chosen)])
    remember(_RESULT, str(chosen), "all")
    return str(chosen)


STYLE = (
    TERM_STYLE
    + """<style>
.blemish-scroll {overflow-x: auto;}
.blemish-decision {border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums;}
.blemish-decision th {text-align: left; font-weight: 500; padding: .25rem .8rem .25rem 0;}
.blemish-decision td {padding: .25rem .8rem .25rem 0; vertical-align: top;}
.blemish-decision td b {font-size: 1.15rem;} .blemish-decision i {font-style: normal;}
.blemish-decision small {display: block; opacity: .8; white-space: nowrap;}
.blemish-decision tr.minor {font-size: .88rem;} .blemish-decision tr.minor b {font-size: .95rem;}
.blemish-decision tbody tr {border-top: 1px solid
  color-mix(in srgb, currentColor 18%, transparent);}
@media (max-width: 640px) {
.blemish-decision tr {display: grid; grid-template-columns: 1fr 1fr 1.15fr; column-gap: .5rem;}
.blemish-decision tbody th {grid-column: 1 / -1;} .blemish-decision thead th:first-child
  {display: none;}
.blemish-decision th, .blemish-decision td {padding-right: 0;}
.blemish-decision td b {font-size: 1rem;} .blemish-decision small {white-space: normal;}
}
[class*="st-key-matrix"] [data-testid="stHorizontalBlock"] {flex-wrap: nowrap;}
[class*="st-key-matrix"] [data-testid="stColumn"] {min-width: 0;}
[class*="st-key-matrix"] button {min-height: 2rem; padding: .1rem .5rem;}
</style>"""
)
