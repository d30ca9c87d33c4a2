# %%
# The ledger, and the rows it stands on. Every path is relative to this notebook.
import json
import math
from pathlib import Path

import pandas as pd

ledger = json.loads(Path("ledger.json").read_text(encoding="utf-8"))
facts = pd.DataFrame(ledger["facts"]).set_index("id")


def read(name):
    if name.endswith(".parquet"):
        return pd.read_parquet(name)
    return pd.read_csv(name, low_memory=False, keep_default_na=False, na_values=[""])


rows = pd.concat([read(name) for name in ledger["tables"]], ignore_index=True)
rows["row"] = rows["run"] + "/" + rows["trial"]
used = rows[rows["final"].astype(bool) & ~rows["superseded"].astype(bool)]
print(f"{len(rows)} rows, {len(used)} of them final; {len(facts)} facts, {len(ledger['findings'])} findings")

# %%
# Planned = ok + error + timeout + dropped + cut + degenerate, for each run and phase.
outcomes = ["ok", "error", "timeout", "dropped", "cut", "degenerate"]
ended = used.groupby(["run", "subject", "phase", "outcome"]).size().unstack(fill_value=0)
ended = ended.reindex(columns=outcomes, fill_value=0)
assert ended.to_numpy().sum() == len(used), "a row has an outcome that is none of the six"
ended

# %%
# Each fact over rows is computed again, from the rows that it names or from all rows of its scope.
AGGREGATES = {
    "median": lambda v: v.quantile(0.5),
    "p50": lambda v: v.quantile(0.5),
    "p90": lambda v: v.quantile(0.9),
    "p95": lambda v: v.quantile(0.95),
    "p99": lambda v: v.quantile(0.99),
    "mean": lambda v: v.mean(),
    "min": lambda v: v.min(),
    "max": lambda v: v.max(),
    "sd": lambda v: v.std(ddof=1),
    "cv": lambda v: v.std(ddof=1) / abs(v.mean()),
}
FIELDS = {"run", "experiment", "subject", "target", "workload", "prompt", "phase"}


def values(fact):
    """The values behind a fact, or None and why they cannot be had from a table."""
    unit = fact["unit"] if isinstance(fact["unit"], str) else ""
    names = [c for c in used.columns if c == fact["metric"] or c.startswith(fact["metric"] + "_")]
    word = unit.replace("1/", "per_").replace("/", "_per_")
    names = [c for c in names if c in (fact["metric"], fact["metric"] + "_" + word) or fact["aggregate"] == "cv"]
    if not names:
        return None, "no column holds this metric"
    evidence = fact["evidence"]
    if evidence.get("total"):
        if set(fact["scope"]) - FIELDS:
            return None, "not all rows are named"
        at = used["phase"] == fact["phase"]
        for field, want in fact["scope"].items():
            at &= used[field] == want
        at &= used["outcome"] == "ok"
    else:
        at = used["row"].isin(evidence["rows"])
    return used.loc[at, names[0]].dropna().astype(float), ""


checked, skipped, wrong = [], {}, []
for key, fact in facts.iterrows():
    want = fact.get("value")
    if fact["aggregate"] not in AGGREGATES or fact["evidence"].get("from"):
        skipped.setdefault("derived from other facts, or no statistic of rows", []).append(key)
        continue
    if want is None or (isinstance(want, float) and math.isnan(want)):
        skipped.setdefault("no value: refused or not measured", []).append(key)
        continue
    got, why = values(fact)
    if got is None:
        skipped.setdefault(why, []).append(key)
        continue
    again = AGGREGATES[fact["aggregate"]](got)
    same = len(got) == fact["n"] and math.isclose(again, want, rel_tol=1e-9, abs_tol=1e-12)
    scope = " ".join(fact["scope"].values())
    (checked if same else wrong).append([key, scope, fact["metric"], fact["aggregate"], fact["n"], want, len(got), again])

columns = ["fact", "scope", "metric", "aggregate", "n", "ledger", "n again", "again"]
print(f"{len(checked)} facts computed again and equal, {len(wrong)} different")
for why, ids in skipped.items():
    print(f"{len(ids)} not computed here: {why}")
assert not wrong, "these differ:\n" + pd.DataFrame(wrong, columns=columns).to_string()
assert checked or not any(facts["aggregate"].isin(AGGREGATES.keys())), "no fact could be computed again"
pd.DataFrame(checked, columns=columns).set_index("fact")

# %%
# The ratios of the headline are computed again too: paired where a block holds both sides, else of geometric means.
def side(fact):
    """The rows of one side of a ratio with the logarithms of their values, or None."""
    got, _ = values(fact)
    if got is None or fact["evidence"].get("total") or not len(got):
        return None
    return used.loc[got.index, ["workload", "prompt", "config", "block"]].assign(log=got.map(math.log))


def ratio(fact, one, other):
    if fact["method"].startswith("paired t on logarithms"):
        spot = ["workload", "prompt", "config", "block"]
        pairs = one.groupby(spot)["log"].mean() - other.groupby(spot)["log"].mean()
        return math.exp(pairs.dropna().groupby(level="block").mean().mean())
    return math.exp(one["log"].mean() - other["log"].mean())


ratios, wrong = [], []
for key, fact in facts[facts["aggregate"] == "ratio"].iterrows():
    sources = fact["evidence"].get("from") or []
    known = "paired t on logarithms" in fact["method"] or "geometric means, Welch on logarithms" in fact["method"]
    if len(sources) != 2 or not known or not set(sources) <= set(facts.index):
        continue
    sides = [side(facts.loc[s]) for s in sources]
    if sides[0] is None or sides[1] is None:
        continue
    again = ratio(fact, *sides)
    same = math.isclose(again, fact["value"], rel_tol=1e-9)
    (ratios if same else wrong).append([key, " ".join(fact["scope"].values()), fact["metric"], fact["value"], again])

columns = ["fact", "scope", "metric", "ledger", "again"]
print(f"{len(ratios)} ratios computed again and equal, {len(wrong)} different")
assert not wrong, "these ratios differ:\n" + pd.DataFrame(wrong, columns=columns).to_string()
pd.DataFrame(ratios, columns=columns).set_index("fact")

# %%
# Facts that were derived from others name them, and the others are in the ledger.
for key, fact in facts.iterrows():
    for source in fact["evidence"].get("from") or []:
        assert source in facts.index, f"{key} stands on {source}, which the ledger lacks"
derived = facts[facts["evidence"].map(lambda e: bool(e.get("from")))]
derived.reindex(columns=["metric", "aggregate", "unit", "value", "lo", "hi", "method"])

# %%
# What was found, as the report prints it.
pd.DataFrame(
    [[f["kind"], f.get("metric", ""), f["verdict"], f["question"]] for f in ledger["findings"]],
    columns=["kind", "metric", "verdict", "question"],
)
