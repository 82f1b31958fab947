"""The dashboard's form: what Grafana takes without a question, and what people need."""

import itertools
import re

from alerting import alerts, dashboard, panels

ROWS = [
    "Is the work safe?",
    "Capturing",
    "Bucket and cost",
    "Catalog and chores",
    "Restores and drills",
    "Shares and quotas",
    "Host",
]
UNITS = {
    *("short", "string", "s", "dateTimeFromNow", "bytes", "Bps", "ops", "reqps"),
    *("percentunit", "currencyUSD", "suffix:x"),
}
"""By Grafana's own names."""
WIDTH = 24
SOURCE = {"type": "prometheus", "uid": "${datasource}"}


def cells(panel):
    place = panel["gridPos"]
    columns = range(place["x"], place["x"] + place["w"])
    return itertools.product(columns, range(place["y"], place["y"] + place["h"]))


def test_it_is_imported_without_an_edit():
    page = dashboard()
    variables = {one["name"]: one for one in page["templating"]["list"]}

    assert page["id"] is None
    assert page["uid"] == "expokeep"
    assert page["schemaVersion"] >= 36
    assert "__inputs" not in page
    assert variables["datasource"]["type"] == "datasource"
    assert variables["datasource"]["query"] == "prometheus"
    assert set(variables) == {"datasource", "job", "instance"}


def test_every_panel_asks_the_source_that_the_reader_chose():
    for panel in panels():
        sources = [
            panel["datasource"],
            *(one["datasource"] for one in panel["targets"]),
        ]

        assert all(source == SOURCE for source in sources), panel["title"]


def test_it_has_a_row_for_each_question():
    rows = [one["title"] for one in dashboard()["panels"] if one["type"] == "row"]

    assert rows == ROWS


def test_every_panel_has_a_number_and_a_name_of_its_own():
    numbers = [panel["id"] for panel in dashboard()["panels"]]
    names = [panel["title"] for panel in dashboard()["panels"]]

    assert len(set(numbers)) == len(numbers)
    assert len(set(names)) == len(names)


def test_no_panel_lies_on_another_or_beyond_the_page():
    taken = [cell for panel in dashboard()["panels"] for cell in cells(panel)]

    assert len(set(taken)) == len(taken)
    assert max(column for column, _ in taken) < WIDTH


def test_every_panel_says_what_it_shows_and_in_which_unit():
    for panel in panels():
        assert len(panel["description"]) > 15, panel["title"]
        assert panel["description"].endswith("."), panel["title"]
        assert panel["fieldConfig"]["defaults"]["unit"] in UNITS, panel["title"]
        assert panel["targets"], panel["title"]


def test_every_alert_that_a_panel_names_exists():
    told = set(
        re.findall(r"Expokeep\w+", str([one["description"] for one in panels()]))
    )

    assert told
    assert told <= set(alerts())


def test_curves_do_not_depend_on_how_often_is_scraped():
    for panel in panels():
        for target in panel["targets"]:
            windows = re.findall(r"\[([^\]]+)\]", target["expr"])

            assert set(windows) <= {"$__rate_interval"}, panel["title"]
