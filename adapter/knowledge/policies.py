"""config/products.yaml and config/policies/ as the rule book the rules read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from adapter.domain.policy import Policy, Product, RuleBook
from adapter.knowledge.layers import Layer, layers_of
from adapter.knowledge.policy_files import read_policy, read_products
from adapter.knowledge.shipped import shipped
from adapter.knowledge.text_yaml import Document, Fault, did_you_mean, read_yaml

POLICIES = "policies"
PRODUCTS = "products.yaml"
COMMAND_LINE = "--policy"


def load_rulebook(
    policy_ids: Sequence[str] = (),
    base: Path | None = None,
    overlays: Sequence[Path] = (),
    *,
    drafts: bool = False,
) -> tuple[RuleBook | None, list[Fault]]:
    """Products, policies and which policy reads which product; None when any file or id has an error.

    Each product has the default of products.yaml when that policy exists and is no draft; `policy_ids` (`CONS16`, or
    `CONS16@1` for one version only) replace it for their products.  A product without a policy gets no verdict.
    Files of an overlay replace those of the same relative path.
    """
    faults: list[Fault] = []
    layers = layers_of(base or shipped("config"), overlays, faults)
    products, defaults = _products(layers, faults)
    policies = _policies(layers, products, faults)
    wanted = [_wanted(name, policies, faults, drafts=drafts) for name in policy_ids]
    if any(fault.severity == "error" for fault in faults):
        return None, faults
    known = {policy.id for policy in policies if drafts or not policy.draft}
    chosen = {product: policy for product, policy in defaults.items() if policy in known}
    for policy in (policy for versions in wanted for policy in versions):
        chosen.update(dict.fromkeys(policy.products, policy.id))
    pinned = {name.partition("@")[0]: name.partition("@")[2] for name in policy_ids if "@" in name}
    in_force = tuple(
        policy
        for policy in policies
        if (drafts or not policy.draft) and pinned.get(policy.id, policy.version) == policy.version
    )
    return RuleBook(products=products, policies=in_force, chosen=chosen), faults


def list_policies(base: Path | None = None, overlays: Sequence[Path] = ()) -> tuple[tuple[Policy, ...], list[Fault]]:
    """Every policy that can be read, drafts included, by id and version: what people are shown."""
    faults: list[Fault] = []
    layers = layers_of(base or shipped("config"), overlays, faults)
    products, _ = _products(layers, faults)
    return _policies(layers, products, faults), faults


def _products(layers: Sequence[Layer], faults: list[Fault]) -> tuple[dict[str, Product], dict[str, str]]:
    documents = list(_documents(layers, "", PRODUCTS, faults))
    if not documents:
        faults.append(Fault(file=PRODUCTS, line=0, text="the file is missing; without it no product is known"))
        return {}, {}
    products, defaults, mistakes = read_products(documents[-1])
    faults.extend(mistakes)
    return products, defaults


def _policies(layers: Sequence[Layer], products: dict[str, Product], faults: list[Fault]) -> tuple[Policy, ...]:
    policies: dict[tuple[str, str], Policy] = {}
    for document in _documents(layers, POLICIES, ".yaml", faults):
        policy, mistakes = read_policy(document, products)
        faults.extend(mistakes)
        if not policy:
            continue
        if (policy.id, policy.version) in policies:
            text = f"{policy.label} stands in another file already; give a changed policy a new version"
            faults.append(document.fault(("version",), text))
        policies[policy.id, policy.version] = policy
    return tuple(policies[key] for key in sorted(policies))


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


def _wanted(name: str, policies: Sequence[Policy], faults: list[Fault], *, drafts: bool) -> list[Policy]:
    identifier, _, version = name.partition("@")
    found = [p for p in policies if p.id == identifier and version in ("", p.version)]
    if not found:
        labels = sorted({p.id for p in policies} | ({p.label for p in policies} if version else set()))
        text = f"there is no policy '{name}'{did_you_mean(name, labels)}; known are {', '.join(labels)}"
        faults.append(Fault(file=COMMAND_LINE, line=0, text=text))
    usable = [p for p in found if drafts or not p.draft]
    if found and not usable:
        refused = "it is refused unless the configuration says drafts: yes"
        text = f"policy '{name}' is a draft: a number is not verified; {refused}"
        faults.append(Fault(file=COMMAND_LINE, line=0, text=text))
    return usable
