"""`expokeep plan`."""

import json
import shlex

import click

from expokeep.cli import text
from expokeep.cli.asking import client
from expokeep.cli.kinds import DURATION, VERSION
from expokeep.cli.options import options_of, verb
from expokeep.cli.printing import as_json, sent_version
from expokeep.cli.remote import decode
from expokeep.control.client import segment
from expokeep.export.archives import FORMATS
from expokeep.export.documents import Planned

_SHELL = """\
url={url}
sha256={sha256}
curl --fail --silent --show-error --output {name} "$url"
echo "$sha256  {name}" | sha256sum --check --quiet
{unpack}
"""
_SHELL_UNPROVED = """\
url={url}
curl --fail --silent --show-error --output {name} "$url"
{unpack}
"""
_UNPACK = {
    "tar.gz": "tar -xzf {name} --strip-components=1",
    "tar.zst": "tar --zstd -xf {name} --strip-components=1",
    "zip": "unzip -q {name}",
}
_NODE = """\
import {{ createHash }} from "node:crypto";
import {{ writeFile }} from "node:fs/promises";

const url = {url};
const sha256 = {sha256};
const answer = await fetch(url);
if (!answer.ok) throw new Error(`the link answered ${{answer.status}}`);
const archive = Buffer.from(await answer.arrayBuffer());
const found = createHash("sha256").update(archive).digest("hex");
if (sha256 !== null && found !== sha256) throw new Error("other bytes came");
await writeFile({name}, archive);
"""


@verb("plan")
@click.argument("version", type=VERSION, metavar="VERSION")
@click.option(
    "--format",
    "form",
    type=click.Choice(FORMATS),
    default="tar.gz",
    show_default=True,
    help="Of the archive.",
)
@click.option(
    "--expires",
    "expires_s",
    type=DURATION,
    default="15m",
    show_default=True,
    metavar="DUR",
    help="So long the link works; seven days at most.",
)
@click.option(
    "--allow-secrets", is_flag=True, help="Leave in what looks like a secret."
)
@click.option(
    "--compat", is_flag=True, help="A link to the archive that the application reads."
)
@click.option("--shell", "how", flag_value="shell", help="Print a script for a shell.")
@click.option("--node", "how", flag_value="node", help="Print a module for Node.js.")
@click.pass_context
def command(ctx: click.Context, /, version: str, **said: object) -> None:
    """Make a link to a version that works for a while.

    The daemon makes an archive, puts it into the bucket under a name that nobody
    guesses, and signs a link to it: whoever has the link can fetch exactly this, until
    it ends. So what looks like a secret is left out, unless you say --allow-secrets.
    The archive is deleted when the link has ended.

    --shell and --node print how to fetch and prove it.

    \b
    Examples:
      expokeep plan shop-42
      expokeep plan shop-42@label:demo --expires 1h --format zip --json
      expokeep plan shop-42 --shell | sh
    """
    options = options_of(ctx)
    form = str(said["form"])
    body = {
        "format": form,
        "expires_s": said["expires_s"],
        "allow_secrets": said["allow_secrets"],
        "archive": "compat" if said["compat"] else "version",
    }
    path = f"/v1/versions/{segment(sent_version(version))}/plan"
    planned = decode(client(options).post(path, body), Planned)
    if options.as_json:
        as_json(planned)
    elif said["how"] == "shell":
        click.echo(_shell(planned), nl=False)
    elif said["how"] == "node":
        click.echo(_node(planned), nl=False)
    else:
        click.echo(planned.url)
    if not options.quiet:
        click.echo(f"it works until {text.moment(planned.expires_at)}", err=True)
    if planned.left_out and not options.quiet:
        left_out = text.count(len(planned.left_out), "file")
        first = text.path(planned.left_out[0])
        click.echo(f"note: {left_out} left out, such as {first}", err=True)


def _shell(planned: Planned) -> str:
    name = f"build.{planned.format}"
    script = _SHELL_UNPROVED if planned.sha256 is None else _SHELL
    return "set -eu\n" + script.format(
        url=shlex.quote(planned.url),
        sha256=planned.sha256,
        name=name,
        unpack=_UNPACK[planned.format].format(name=name),
    )


def _node(planned: Planned) -> str:
    return _NODE.format(
        url=json.dumps(planned.url),
        sha256=json.dumps(planned.sha256),
        name=json.dumps(f"build.{planned.format}"),
    )
