"""What the terms on the pages mean: the question mark beside a word says it.

The sentences are those of ``docs/glossary.md``; a test holds the two together.
"""

from html import escape

MEANINGS = {
    "alarm": "A rule of monitoring that holds: it opens, may be acknowledged, and closes by "
    "itself when the rule no longer holds.",
    "champion": "The version that is served. Promotion and rollback move it.",
    "class": "The kind of a defect, such as scratch or pit. The model is binary; classes are "
    "carried as metadata.",
    "Dice": "Overlap of two masks, 2|A and B| / (|A| + |B|), in 0 to 1.",
    "defect rate": "Share of the answered images that are called defective.",
    "escape": "A defective part that the model calls defect-free.",
    "false alarm": "A defect-free part or image that the model marks.",
    "fingerprint": "SHA-256 over the inputs of train and finetune.",
    "drift score": "How far the newest images lie from those of training in one statistic: the "
    "population stability index, 0 for no change.",
    "drawn defect": "A defect that was drawn onto a photograph of a defect-free part, for "
    "fine-tuning. Foreign finish is one kind: an area with the finish of another photograph.",
    "group": "The images of one physical part. A group is never split across train, validation "
    "and test.",
    "heatmap": "The probability map in colours over the image (create_heatmap).",
    "gate": "The checks that a version passes before it becomes champion.",
    "interval": "A range that holds the true value in 95 of 100 cases, found by drawing the "
    "measured parts anew many times (bootstrap).",
    "IoU": "Intersection over union of two masks, |A and B| / |A or B|, in 0 to 1.",
    "latency": "Time that one image takes, in milliseconds: of a request its decoding, inference "
    "and drawing, without the wait for its turn; of a version inference alone.",
    "limit": "The value beyond which a rule of monitoring is an alarm; set in params.yaml.",
    "operating point": "A threshold and a peak. Pixels of at least the threshold are marked, in "
    "connected regions; a region counts only if its probability reaches the peak somewhere.",
    "paired": "On the same parts: both versions are judged on each of them, so that easy and hard "
    "parts cancel out of the difference.",
    "part": "The piece of metal that an image shows.",
    "precision": "The number format of a model file: fp32 or int8.",
    "precision and recall": "Of pixels: the share of the marked ones that are defective, and the "
    "share of the defective ones that are marked.",
    "region of interest": "The part of an image that counts, given with a set. Outside of it "
    "nothing is drawn, learned or measured.",
    "set": "The synthetic images, or an imported folder of real ones. A real set is labelled, "
    "clean, or both.",
    "served version": "The version that the server answers with now. It is the champion, unless a "
    "server could not take the champion into use.",
    "shadow disagreement": "Mean share of the pixels on which a second version, which sees the "
    "same images and is not served, decided otherwise.",
    "suspect": "A photograph that was declared defect-free and that the network marks far more "
    "than the others of its set.",
}


def meaning(term: str) -> str:
    """Return what a term means, in one or two sentences.

    Raises:
        KeyError: The pages explain no such term.
    """
    return MEANINGS[term]


def meanings(*terms: str) -> str:
    """Return what several terms mean, each named, as Markdown for one question mark."""
    return "  \n".join(f"**{term[0].upper()}{term[1:]}**: {meaning(term)}" for term in terms)


def question_mark(term: str) -> str:
    """Return a question mark for a table in HTML; a click, a tap or Enter says what a term means.

    It needs no script, so that the report, which runs none, has it too.
    """
    return (
        f"<details class='blemish-term'><summary aria-label='What is meant: {escape(term)}'>?"
        f"</summary>{escape(meaning(term))}</details>"
    )


TERM_STYLE = """<style>
.blemish-term {display: inline; font-weight: 400; font-size: .8rem; line-height: 1.35;}
.blemish-term[open] {display: block; max-width: 26rem; padding: .2rem 0;}
.blemish-term summary {display: inline-block; list-style: none; cursor: pointer; width: 1.25rem;
  height: 1.25rem; line-height: 1.2rem; margin: 0 .3rem; text-align: center; border-radius: 50%;
  border: 1px solid color-mix(in srgb, currentColor 45%, transparent);}
.blemish-term summary::-webkit-details-marker {display: none;}
</style>"""
