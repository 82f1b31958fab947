from answering import NOON
from expokeep.errors import NotFound
from expokeep.fork.documents import (
    Forked,
    TemplateCreated,
    TemplateDeleted,
    TemplateDocument,
    TemplateList,
)

TEMPLATES = "/v1/templates"
NEW = "/v1/templates/{name}/new"
DELETE = "/v1/templates/{name}/delete"


def a_template(**more):
    told = {
        "name": "the demo",
        "owner": "ann",
        "session": "shop",
        "version": 17,
        "created_at": NOON,
        "project_name": "Shop",
        "file_count": 12,
        "size_bytes": 2048,
    }
    return TemplateDocument(**{**told, **more})


def test_a_version_becomes_a_template(run, asked):
    asked.answers[TEMPLATES] = TemplateCreated(template=a_template())

    ended = run("template", "create", "shop@17", "the demo")

    assert ended.out == "shop@17 is template the demo\n"
    assert asked.body() == {"version": "shop@17", "name": "the demo"}


def test_templates_are_listed(run, asked):
    asked.answers[TEMPLATES] = TemplateList(
        templates=(a_template(), a_template(name="nobody's", owner=None))
    )

    lines = run("template", "list").out.splitlines()

    assert lines[0].split()[:3] == ["NAME", "OWNER", "VERSION"]
    assert [line.split("  ")[0] for line in lines[1:]] == ["the demo", "nobody's"]


def test_a_session_begins_with_a_template(run, asked):
    asked.answers[NEW] = Forked(
        session="new",
        version=1,
        origin_session="shop",
        origin_version=17,
        owner="ann",
        project_name=None,
        file_count=1,
        size_bytes=0,
        template="the demo",
    )

    ended = run("template", "new", "the demo", "--session", "new", "--user", "ann")

    assert ended.out.startswith("new begins with template the demo (shop@17): 1 file")
    assert asked.calls[-1].path == {"name": "the demo"}
    assert asked.body() == {"session": "new", "user": "ann", "message": None}
    assert run("template", "new", "the demo", "--quiet").out == "new\n"


def test_a_template_is_deleted_and_its_version_stays(run, asked):
    asked.answers[DELETE] = TemplateDeleted(template=a_template(), dry_run=False)

    ended = run("template", "delete", "the demo", "--yes")

    assert ended.out == ("template the demo (shop@17) is deleted; the version stays\n")
    assert [asked.body()["dry_run"], len(asked.calls)] == [False, 1]


def test_a_dry_run_asks_for_nothing_else(run, asked):
    asked.answers[DELETE] = TemplateDeleted(template=a_template(), dry_run=True)

    ended = run("template", "delete", "the demo", "--dry-run")

    assert "would be deleted" in ended.out
    assert [asked.body()["dry_run"], len(asked.calls)] == [True, 1]


def test_what_is_no_template_is_told(run, asked):
    asked.answers[NEW] = NotFound("there is no template demo")

    assert run("template", "new", "demo").code == 10
