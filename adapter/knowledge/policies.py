"""config/products.yaml and config/policies/ as the rule book the rules read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from adapter.domain.policy import Policy, Product, RuleBook
from adapter.knowledge.layers import Layer, layers_of
from adapter.knowledge.policy_bases import read_policies
from adapter.knowledge.policy_checks import default_faults, version_faults
from adapter.knowledge.policy_files import PolicyFile
from adapter.knowledge.policy_numbers import why_draft
from adapter.knowledge.product_file import ProductFile, read_products
from adapter.knowledge.shipped import shipped
from adapter.knowledge.text_yaml import Document, Fault, did_you_mean, read_yaml

POLICIES = "policies"
PRODUCTS = "products.yaml"
COMMAND_LINE = "--policy"


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """Everything of config/ that could be read: what people are shown, drafts included."""

    products: dict[str, Product]
    defaults: dict[str, str]
    """Product key -> policy id."""
    files: tuple[PolicyFile, ...]
    """By id and version."""

    @property
    def policies(self) -> tuple[Policy, ...]:
        """The policies of the files."""
        return tuple(file.policy for file in self.files)

    def default_for(self, policy: Policy) -> list[str]:
        """The products this policy reads when nobody names another."""
        return [product for product in policy.products if self.defaults.get(product) == policy.id]


def load_rulebook(
    policy_ids: Sequence[str] = (),
    base: Path | None = None,
    overlays: Sequence[Path] = (),
    *,
    drafts: bool = False,
) -> tuple[RuleBook | None, list[Fault]]:
    """Products, policies and which policy reads which product; None when any file or id has an error.

    Each product has the default of products.yaml; `policy_ids` (`CONS16`, or `CONS16@1` for one version only) replace
    it for their products.  A product without a policy gets no verdict.
    """
    config, faults = read_config(base, overlays, drafts=drafts)
    wanted = [_wanted(name, config.policies, faults, drafts=drafts) for name in policy_ids]
    if any(fault.severity == "error" for fault in faults):
        return None, faults
    chosen = dict(config.defaults)
    for policy in (policy for versions in wanted for policy in versions):
        chosen.update(dict.fromkeys(policy.products, policy.id))
    pinned = {name.partition("@")[0]: name.partition("@")[2] for name in policy_ids if "@" in name}
    in_force = tuple(
        policy
        for policy in config.policies
        if (drafts or not policy.draft) and pinned.get(policy.id, policy.version) == policy.version
    )
    return RuleBook(products=config.products, policies=in_force, chosen=chosen), faults


def read_config(
    base: Path | None = None, overlays: Sequence[Path] = (), *, drafts: bool = False
) -> tuple[Config, list[Fault]]:
    """Products and policies, and every fault in them; files of an overlay replace those of the same relative path."""
    faults: list[Fault] = []
    layers = layers_of(base or shipped("config"), overlays, faults)
    file = _products(layers, faults)
    documents = list(_documents(layers, POLICIES, ".yaml", faults))
    faults.extend(fault for layer in layers[1:] for fault in _unread(layer))
    products = file.products if file else {}
    readable = documents if products else [document for document in documents if _of_shipped(document)]
    files, mistakes = read_policies(readable, products or _shipped_products())
    faults.extend(mistakes)
    faults.extend(version_faults([(found.policy, found.document) for found in files]))
    policies = [found.policy for found in files]
    if file:
        read = [found.document for found in files]
        unreadable = [_id(document) for document in documents if document not in read]
        faults.extend(default_faults(file, policies, unreadable, drafts=drafts))
    config = Config(products=products, defaults=file.defaults if file else {}, files=files)
    return config, faults


def _products(layers: Sequence[Layer], faults: list[Fault]) -> ProductFile | None:
    documents = list(_documents(layers, "", PRODUCTS, faults))
    if not documents and not any((layer.root / PRODUCTS).exists() for layer in layers):
        faults.append(Fault(file=PRODUCTS, line=0, text="the file is missing; without it no product is known"))
    if not documents:
        return None
    file, mistakes = read_products(documents[-1])
    faults.extend(mistakes)
    return file


@cache
def _shipped_products() -> dict[str, Product]:
    """What policies are held against while the products of the site cannot be read: the cause alone is told."""
    document, _ = read_yaml((shipped("config") / PRODUCTS).read_bytes(), PRODUCTS)
    return read_products(document)[0].products if document else {}


def _of_shipped(document: Document) -> bool:
    """Whether a policy names no product but shipped ones."""
    named = document.data.get("products", "") if isinstance(document.data, dict) else ""
    listed = [named] if isinstance(named, str) else list(named)
    return all(str(product) in _shipped_products() for product in listed if product)


def _id(document: Document) -> str:
    return str(document.data.get("policy", "")) if isinstance(document.data, dict) else ""


def _documents(layers: Sequence[Layer], folder: str, ending: str, faults: list[Fault]) -> Iterator[Document]:
    """The YAML files of a folder, the last layer that has a name winning."""
    chosen = {path.name: (layer, path) for layer in layers for path in layer.files(folder, ending)}
    for _, (layer, path) in sorted(chosen.items()):
        content = layer.read(path, faults)
        if content is None:
            continue
        document, mistakes = read_yaml(content, layer.name(path))
        faults.extend(mistakes)
        if document:
            yield document


def _unread(layer: Layer) -> Iterator[Fault]:
    """Warnings for an overlay that changes nothing, and for files in it that look like policies and are not read."""
    folder = layer.root / POLICIES
    policies = sorted(path for path in folder.rglob("*") if path.suffix in (".yaml", ".yml"))
    for path in policies:
        if path.parent != folder or path.suffix != ".yaml":
            text = f"nothing reads this file; policies lie directly in {POLICIES}/ and end in .yaml"
            yield Fault(file=layer.name(path), line=0, text=text, severity="warning")
    if not policies and not (layer.root / PRODUCTS).is_file():
        text = f"nothing in this folder is read; it holds no {PRODUCTS} and no {POLICIES}/*.yaml"
        yield Fault(file=layer.shown, line=0, text=text, severity="warning")


def _wanted(name: str, policies: Sequence[Policy], faults: list[Fault], *, drafts: bool) -> list[Policy]:
    identifier, _, version = name.partition("@")
    found = [p for p in policies if p.id == identifier and version in ("", p.version)]
    if not found:
        labels = sorted({p.id for p in policies} | ({p.label for p in policies} if version else set()))
        text = f"there is no policy '{name}'{did_you_mean(name, labels)}; known are {', '.join(labels)}"
        faults.append(Fault(file=COMMAND_LINE, line=0, text=text))
    usable = [p for p in found if drafts or not p.draft]
    if found and not usable:
        refused = "it is refused without --draft (in the configuration: drafts: yes)"
        text = f"policy '{name}' is a draft; {why_draft(found[-1])}; {refused}"
        faults.append(Fault(file=COMMAND_LINE, line=0, text=text))
    return usable
