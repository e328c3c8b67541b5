"""What the terms on the pages mean: the question mark beside a word says it.

The sentences are those of ``docs/glossary.md``; a test holds the two together.
"""

MEANINGS = {
    "alarm": "A rule of monitoring that holds: it opens, may be acknowledged, and closes by "
    "itself when the rule no longer holds.",
    "champion": "The version that is served. Promotion and rollback move it.",
    "class": "The kind of a defect, such as scratch or pit. The model is binary; classes are "
    "carried as metadata.",
    "Dice": "Overlap of two masks, 2|A and B| / (|A| + |B|), in 0 to 1.",
    "defect rate": "Share of the answered images that are called defective.",
    "drift score": "How far the newest images lie from those of training in one statistic: the "
    "population stability index, 0 for no change.",
    "drawn defect": "A defect that was drawn onto a photograph of a defect-free part, for "
    "fine-tuning. Foreign finish is one kind: an area with the finish of another photograph.",
    "group": "The images of one physical part. A group is never split across train, validation "
    "and test.",
    "heatmap": "The probability map in colours over the image (create_heatmap).",
    "gate": "The checks that a version passes before it becomes champion.",
    "IoU": "Intersection over union of two masks, |A and B| / |A or B|, in 0 to 1.",
    "latency": "Time from the arrival of a request to its answer, in milliseconds.",
    "limit": "The value beyond which a rule of monitoring is an alarm; set in params.yaml.",
    "operating point": "A threshold and a peak. Pixels of at least the threshold are marked, in "
    "connected regions; a region counts only if its probability reaches the peak somewhere.",
    "precision": "The number format of a model file: fp32 or int8.",
    "region of interest": "The part of an image that counts, given with a set. Outside of it "
    "nothing is drawn, learned or measured.",
    "set": "The synthetic images, or an imported folder of real ones. A real set is labelled, "
    "clean, or both.",
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
