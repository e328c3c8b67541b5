"""Fine-tuning: from weights trained on synthetic images to weights for the user's own metal.

``finetune`` is the whole workflow; beside it lie where it starts (``starts``), the images of each
set (``set_images``), the crops that it draws (``adaptation_crops``) and how long it takes
(``duration``). Without any set the weights are handed on (``handing_on``).
"""
