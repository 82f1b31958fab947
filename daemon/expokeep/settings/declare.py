"""How a setting is declared: as a field of a frozen dataclass that tells its story.

The name of the field gives the key (`min_free_bytes` is `min-free`), its declaration
the kind, the default and the reason. Reading, showing and the example follow from that.
"""

import dataclasses
from dataclasses import dataclass
from typing import Any, TypeVar, overload

from expokeep.settings.kinds import PATH, Kind

T = TypeVar("T")

Default = str | tuple[str, ...] | None


@dataclass(frozen=True, slots=True)
class Setting:
    """What is declared about one setting."""

    kind: Kind[Any]
    default: Default
    """As one would write it in the file, `${VAR}` and all. None: not set."""
    why: str
    env: str | None = None
    """The variable that sets it, and beats the file."""
    credential: str | None = None
    """Marks a secret, and names it below ${CREDENTIALS_DIRECTORY}. A secret has a
    second key, which ends in `-file`."""

    @property
    def many(self) -> bool:
        """Whether it is a list of values."""
        return isinstance(self.default, tuple)


@dataclass(frozen=True, slots=True)
class Section:
    """Settings under one key, or a list of such."""

    of: type[Any]
    many: bool = False

    @property
    def why(self) -> str:
        """What the settings of this section are about."""
        return (self.of.__doc__ or "").partition("\n")[0]


@dataclass(frozen=True, slots=True)
class Part:
    """One key of a section."""

    name: str
    attribute: str | None
    """None for the `-file` key of a secret: only what is in that file is a value."""
    declared: Setting | Section


@overload
def setting(kind: Kind[T], default: str, why: str, *, env: str | None = None) -> T: ...
@overload
def setting(
    kind: Kind[T], default: None, why: str, *, env: str | None = None
) -> T | None: ...
def setting(
    kind: Kind[T], default: str | None, why: str, *, env: str | None = None
) -> T | None:
    """Declare a setting that is one value."""
    value: T | None = _field(Setting(kind, default, why, env))
    return value


def setting_list(kind: Kind[T], default: tuple[str, ...], why: str) -> tuple[T, ...]:
    """Declare a setting that is a list of values."""
    values: tuple[T, ...] = _field(Setting(kind, default, why))
    return values


def secret(kind: Kind[str], why: str, *, env: str, credential: str) -> str | None:
    """Declare a setting that is never shown, and its `-file` key."""
    value: str | None = _field(Setting(kind, None, why, env, credential))
    return value


def section(of: type[T]) -> T:
    """Declare a group of settings under one key."""
    value: T = dataclasses.field(metadata={"declared": Section(of)})
    return value


def sections(of: type[T]) -> tuple[T, ...]:
    """Declare a list of groups; without any, there is one of defaults."""
    values: tuple[T, ...] = dataclasses.field(
        metadata={"declared": Section(of, many=True)}
    )
    return values


def parts(of: type[Any]) -> dict[str, Part]:
    """Return what is declared in a section, by key, in order.

    >>> from expokeep.settings.values import Debounce
    >>> list(parts(Debounce))
    ['quiet', 'max-wait', 'deletion-grace']
    """
    found: list[Part] = []
    for field in dataclasses.fields(of):
        declared = field.metadata.get("declared")
        if isinstance(declared, Section):
            found.append(Part(_key(field.name), field.name, declared))
        elif isinstance(declared, Setting):
            name = _key(field.name.removesuffix(declared.kind.suffix))
            found.append(Part(name, field.name, declared))
            if declared.credential:
                found.append(Part(f"{name}-file", None, _beside(name, declared)))
    return {part.name: part for part in found}


def keys(of: type[Any], prefix: str = "") -> dict[str, Setting]:
    """Return every setting by its dotted key, lists of sections as `watch[].dir`."""
    found: dict[str, Setting] = {}
    for part in parts(of).values():
        key = prefix + part.name
        if isinstance(part.declared, Setting):
            found[key] = part.declared
        else:
            found |= keys(
                part.declared.of, key + ("[]." if part.declared.many else ".")
            )
    return found


def _field(declared: Setting) -> Any:
    """Return the field; its default is the real value where that needs no variable."""
    default: Any = dataclasses.MISSING
    if declared.default is None:
        default = None
    elif isinstance(declared.default, tuple):
        default = tuple(declared.kind.parse(text) for text in declared.default)
    elif "${" not in declared.default:
        default = declared.kind.parse(declared.default)
    return dataclasses.field(
        default=default,
        repr=declared.credential is None,
        metadata={"declared": declared},
    )


def _beside(name: str, declared: Setting) -> Setting:
    why = (
        f"A file that holds {name}; without one, "
        f"${{CREDENTIALS_DIRECTORY}}/{declared.credential} where systemd provides it."
    )
    return Setting(PATH, None, why)


def _key(attribute: str) -> str:
    return attribute.replace("_", "-")
