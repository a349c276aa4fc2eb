"""Changes of a small model, and what becomes of its checkpoints."""

SMALL = (
    *("model.d_model=16", "model.attention={heads: 4, d_k: 16, d_v: 16}"),
    "model.feed_forward.d_ff=24",
    *("model.vocabulary.size=30", "model.encoder.layers=2", "model.decoder.layers=2"),
)
KNOWN = {
    "model.dropout=0.4": "same",
    "model.kernel=flex": "same",
    "model.initialization=fairseq": "same",
    "model.attention.scale=0.25": "same",  # what it is by default, for heads of 16
    "training.seed=7": "same",
    "model.attention.heads=2; model.attention.d_k=32; model.attention.d_v=32": "same shapes",
    "model.attention.scale=0.3": "same shapes",
    "model.norm.eps=0.01": "same shapes",
    "model.norm.place=post; model.norm.final=true": "same shapes",
    "model.embedding.scale=none": "same shapes",
    "model.embedding.position=alibi": "same shapes",
    "model.encoder.self_attention.mask=window(3)": "same shapes",
    "model.feed_forward.activation=gelu": "same shapes",
    "model.encoder.layers=[{repeat: 4, distinct: 2}]": "same shapes",
    "model.encoder.layers=1": "with a map",
    "model.embedding.tied=none": "with a map",
    "model.embedding.tied=target": "with a map",
    "model.decoder.layers=[{repeat: 2, distinct: 1}]": "with a map",
    "model.encoder.layers=3": "partly",
    "model.feed_forward.gated=true": "partly",
    "model.attention.kv_heads=1": "partly",
    "model.attention.bias=true": "partly",
    "model.vocabulary.size=31": "partly",
    "model.d_model=20": "partly",
}
"""Settings, and the verdict."""
