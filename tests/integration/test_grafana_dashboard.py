"""The dashboard against the rules of Grafana's dashboard JSON. Grafana is not in Debian, so nobody has imported it here:
this is what of the rules (its documents, and the dashboard kind of its sources) concerns what the dashboard uses. That the
names it asks for are exported is in test_prometheus_names.py."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from support.prometheus_rules import DASHBOARD, RUNBOOKS

BUILT_IN = re.compile(r"__(rate_interval|interval|range)(_s|_ms)?$")
VARIABLE = re.compile(r"\$\{?(\w+)")

TEXT, TRUTH = {"type": "string", "minLength": 1}, {"type": "boolean"}
COLOR = {"type": "string", "pattern": r"^[a-z-]+$|^#[0-9a-f]{6}$"}


def one_of(*words: object) -> dict[str, Any]:
    return {"enum": list(words)}


def whole(*needed: str, **members: object) -> dict[str, Any]:
    """An object with these members and no other."""
    return {"type": "object", "properties": members, "required": list(needed), "additionalProperties": False}


def many(item: object, least: int = 0) -> dict[str, Any]:
    return {"type": "array", "items": item, "minItems": least}


SOURCE = whole("type", "uid", type=one_of("prometheus"), uid=one_of("${datasource}"))
PLACE = whole(*"xywh", **{side: {"type": "integer", "minimum": 0 if side in "xy" else 1, "maximum": 1000} for side in "xywh"})
STEP = whole("color", "value", color=COLOR, value={"type": ["number", "null"]})
THRESHOLDS = whole("mode", "steps", mode=one_of("absolute", "percentage"), steps=many(STEP, 1))
RESULT = whole(text=TEXT, color=COLOR, index={"type": "integer"})
MAPPING = whole("type", "options", type=one_of("value"), options={"type": "object", "additionalProperties": RESULT})
LEGEND = whole(
    "displayMode", "placement", displayMode=one_of("list", "table", "hidden"), placement=one_of("bottom", "right"),
    showLegend=TRUTH, calcs=many(TEXT),
)  # fmt: skip
CUSTOM = {
    "type": "object",
    "properties": {
        "lineWidth": {"type": "integer", "minimum": 0, "maximum": 10},
        "fillOpacity": {"type": "integer", "minimum": 0, "maximum": 100},
        "lineInterpolation": one_of("linear", "smooth", "stepBefore", "stepAfter"),
        "drawStyle": one_of("line", "bars", "points"),
        "showPoints": one_of("auto", "never", "always"),
        "spanNulls": {"type": ["boolean", "number"]},
    },
}
DEFAULTS = whole(
    unit=one_of("short", "none", "s", "bytes", "ops", "percentunit"), min={"type": "number"}, max={"type": "number"},
    noValue=TEXT, thresholds=THRESHOLDS, mappings=many(MAPPING), custom=CUSTOM,
)  # fmt: skip
TARGET = whole(
    "refId", "expr", "datasource", refId={"type": "string", "pattern": "^[A-Z]$"}, expr=TEXT, datasource=SOURCE,
    legendFormat={"type": "string"}, instant=TRUTH, range=TRUTH, format=one_of("time_series", "table", "heatmap"),
)  # fmt: skip
OPTIONS = {
    "stat": whole(
        "reduceOptions", colorMode=one_of("value", "background", "background_solid", "none"),
        graphMode=one_of("none", "area"), textMode=one_of("auto", "value", "value_and_name", "name", "none"),
        reduceOptions=whole("calcs", calcs=many(one_of("lastNotNull", "last", "max", "min", "mean", "sum"), 1), values=TRUTH,
                            fields={"type": "string"}),
    ),
    "timeseries": whole(
        "legend", "tooltip", legend=LEGEND,
        tooltip=whole("mode", mode=one_of("single", "multi", "none"), sort=one_of("none", "asc", "desc")),
    ),
    "state-timeline": whole("legend", legend=LEGEND, mergeValues=TRUTH, showValue=one_of("auto", "never", "always")),
    "table": whole("showHeader", showHeader=TRUTH),
}  # fmt: skip
ORGANIZE = whole("id", "options", id=one_of("organize"), options={"type": "object"})


def panel(kind: str) -> dict[str, Any]:
    return whole(
        "id", "type", "title", "gridPos", "datasource", "targets", "fieldConfig", "options", type=one_of(kind), title=TEXT,
        id={"type": "integer", "minimum": 1}, description={"type": "string"}, gridPos=PLACE, datasource=SOURCE, targets=many(TARGET, 1),
        fieldConfig=whole("defaults", "overrides", defaults=DEFAULTS, overrides={"type": "array", "maxItems": 0}),
        options=OPTIONS[kind], transformations=many(ORGANIZE),
    )  # fmt: skip


ROW = whole(
    "id", "type", "title", "gridPos", "collapsed", "panels", type=one_of("row"), id={"type": "integer", "minimum": 1}, title=TEXT,
    gridPos=PLACE, collapsed=one_of(False), panels={"type": "array", "maxItems": 0},
)  # fmt: skip
CHOSEN = whole(text={"type": ["string", "array"]}, value={"type": ["string", "array"]}, selected=TRUTH)
QUERY = whole(
    "name", "type", "datasource", "query", name=TEXT, label=TEXT, type=one_of("query"), datasource=SOURCE, refresh=one_of(0, 1, 2),
    query=whole("query", "refId", query=TEXT, refId=TEXT), includeAll=TRUTH, multi=TRUTH, allValue=TEXT, current=CHOSEN,
    sort=one_of(*range(9)), hide=one_of(0, 1, 2), regex={"type": "string"},
)  # fmt: skip
CHOICE = whole("name", "type", "query", name=TEXT, label=TEXT, type=one_of("datasource"), query=one_of("prometheus"), current=CHOSEN)
NOTE = whole(
    "name", "datasource", "enable", "iconColor", name=TEXT, datasource=SOURCE, enable=TRUTH, iconColor=COLOR, expr=TEXT,
    titleFormat=TEXT, textFormat=TEXT, step=TEXT, tagKeys=TEXT, hide=TRUTH,
)  # fmt: skip
MOMENT = {"type": "string", "pattern": r"^now(-\d+[smhdwMy])?$"}
DASHBOARD_SCHEMA = whole(
    "title", "uid", "schemaVersion", "panels", "time", "templating", "annotations", title=TEXT,
    uid={"type": "string", "pattern": r"^[A-Za-z0-9_-]{1,40}$"}, tags=many(TEXT), editable=TRUTH, version={"type": "integer"},
    schemaVersion={"type": "integer", "minimum": 36, "maximum": 41}, refresh={"type": "string", "pattern": r"^\d+[smhd]$"},
    time=whole("from", "to", **{"from": MOMENT, "to": MOMENT}), timezone=one_of("", "utc", "browser"),
    annotations=whole("list", list=many(NOTE)), templating=whole("list", list=many({"anyOf": [QUERY, CHOICE]})),
    panels=many({"anyOf": [ROW, *map(panel, OPTIONS)]}, 1),
)  # fmt: skip


@pytest.fixture(scope="module")
def board() -> dict[str, Any]:
    return json.loads(DASHBOARD.read_text())


def _panel_schema(one: dict[str, Any]) -> dict[str, Any]:
    assert one["type"] == "row" or one["type"] in OPTIONS, f"{one['title']}: a panel of type {one['type']}"
    return ROW if one["type"] == "row" else panel(one["type"])


def _expressions(board: dict[str, Any]) -> Iterator[str]:
    yield from (target["expr"] for one in board["panels"] for target in one.get("targets", []))
    yield from (one["query"]["query"] for one in board["templating"]["list"] if one["type"] == "query")
    yield from (one["expr"] for one in board["annotations"]["list"])


def test_it_is_as_the_documents_have_it(board: dict[str, Any]) -> None:
    jsonschema = pytest.importorskip("jsonschema", reason="python3-jsonschema is not installed")
    for one in board["panels"]:  # each by itself first, for a text that says which
        validator = jsonschema.Draft7Validator(_panel_schema(one))
        errors = [f"{one['title']}: {error.json_path}: {error.message}" for error in validator.iter_errors(one)]
        assert not errors, "\n".join(errors)
    validator = jsonschema.Draft7Validator(DASHBOARD_SCHEMA)
    errors = [f"{error.json_path}: {error.message}" for error in validator.iter_errors(board)]
    assert not errors, "\n".join(errors)


def test_panels_are_told_apart_and_lie_beside_each_other(board: dict[str, Any]) -> None:
    identities = [one["id"] for one in board["panels"]]
    assert len(identities) == len(set(identities))
    taken: set[tuple[int, int]] = set()
    for one in board["panels"]:
        place = one["gridPos"]
        assert place["x"] + place["w"] <= 24
        cells = {(place["x"] + x, place["y"] + y) for x in range(place["w"]) for y in range(place["h"])}
        assert not cells & taken, f"{one['title']} lies over another panel"
        taken |= cells
        names = [target["refId"] for target in one.get("targets", [])]
        assert len(names) == len(set(names)), f"{one['title']}: two queries of one name"


def test_thresholds_go_up_from_a_base(board: dict[str, Any]) -> None:
    for one in board["panels"]:
        steps = one.get("fieldConfig", {}).get("defaults", {}).get("thresholds", {}).get("steps", [])
        values = [step["value"] for step in steps]
        assert values[:1] in ([], [None]) and None not in values[1:], one["title"]
        assert values[1:] == sorted(values[1:]), one["title"]


def test_variables_are_defined_before_they_are_used(board: dict[str, Any]) -> None:
    defined: set[str] = set()
    for one in board["templating"]["list"]:
        asked = set(VARIABLE.findall(json.dumps(one.get("query")) + json.dumps(one.get("datasource"))))
        assert asked <= defined, f"{one['name']} asks for {asked - defined}"
        defined.add(one["name"])
    for expression in _expressions(board):
        unknown = {name for name in VARIABLE.findall(expression) if name not in defined and not BUILT_IN.match(name)}
        assert not unknown, f"{expression}: {unknown}"


def test_runbooks_that_it_names_are_there(board: dict[str, Any]) -> None:
    named = {name for one in board["panels"] for name in re.findall(r"\bRecoverd\w+", one.get("description", ""))}
    assert named and all((RUNBOOKS / f"{name}.md").exists() for name in named)


def test_it_names_no_data_source_of_its_makers(board: dict[str, Any]) -> None:
    """Whoever imports it chooses his own; an id of a database would be somebody else's dashboard."""
    assert "id" not in board and "__inputs" not in board
    assert board["templating"]["list"][0]["name"] == "datasource"
