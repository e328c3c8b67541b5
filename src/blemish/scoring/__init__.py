"""Any number of images, on one machine or on a Ray cluster: resumable, exactly one row each.

Read in this order::

    scoring_job       what a job is: its model, operating point and output options
    job_folder        where it writes: a folder or an object store, whole files only
    sources           files, folders, globs, manifests and URLs as a stream of names
    external_sort     that stream sorted, in bounded memory
    shard_plan        the series of generations, cut into shards
    image_bytes       the bytes of an image, read ahead
    run_lengths       masks as COCO's run lengths
    score_schema      the columns
    shard_parts       the files of a shard, and which of them count
    shard_scorer      one shard: images in, part files out
    local_engine      shards on processes of this machine
    ray_engine        shards on a Ray cluster; the only module that imports ray
    score_summary     what came of all of them
    job_comparison    two jobs over the same images
    score_options     what the user asked for, and the model that this means
    score_workflow    all of it in order; ``blemish score`` calls it
"""
