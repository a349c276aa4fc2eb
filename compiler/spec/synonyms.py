"""What other tools call the settings that we have: fairseq, Hugging Face, OpenNMT, JoeyNMT."""

_WORDS = {
    "model.d_model": "hidden_size embed_dim embedding_dim emb_size encoder_embed_dim dim width "
    "decoder_embed_dim model_dim n_embd",
    "model.vocabulary.size": "vocab vocab_size num_tokens n_vocab",
    "model.attention.heads": "num_heads n_heads n_head nhead num_attention_heads "
    "encoder_attention_heads decoder_attention_heads attention_heads",
    "model.attention.dropout": "attention_dropout attn_dropout attention_probs_dropout_prob",
    "model.feed_forward.d_ff": "ffn_dim ff_size dim_feedforward intermediate_size ff_dim "
    "encoder_ffn_dim decoder_ffn_dim encoder_ffn_embed_dim transformer_ff",
    "model.feed_forward.activation": "activation_fn activation_function hidden_act",
    "model.feed_forward.dropout": "activation_dropout relu_dropout",
    "model.feed_forward.gated": "glu is_gated_act gated_mlp use_glu",
    "model.feed_forward.experts.count": "num_experts num_local_experts n_routed_experts",
    "model.feed_forward.experts.active": "num_experts_per_tok top_k num_selected_experts",
    "model.feed_forward.experts.balance_loss": "router_aux_loss_coef aux_loss_coef",
    "model.recurrence.d_hidden": "rnn_size rnn_dim encoder_hidden_size decoder_hidden_size",
    "model.recurrence.kind": "rnn_type cell_type",
    "model.recurrence.bidirectional": "brnn encoder_bidirectional",
    "model.convolution.width": "kernel_size kernel_width cnn_kernel_width",
    "model.norm.eps": "layer_norm_eps layer_norm_epsilon rms_norm_eps layernorm_eps",
    "model.output.bias": "final_logits_bias",
    "model.output.soft_cap": "final_logit_softcapping logits_soft_cap",
    "model.encoder.layers": "num_layers n_layers n_layer num_hidden_layers enc_layers "
    "encoder_layers num_encoder_layers",
    "model.decoder.layers": "dec_layers decoder_layers num_decoder_layers",
    "model.norm.place": "pre_norm norm_first layer_norm encoder_normalize_before "
    "decoder_normalize_before",
    "model.embedding.tied": "tie_embeddings tie_word_embeddings tied_embeddings "
    "share_all_embeddings share_decoder_input_output_embed",
    "model.embedding.position": "positional_encoding position_embedding pos_enc positions",
    "model.embedding.position.max_length": "max_position_embeddings max_positions max_seq_len",
    "training.steps": "max_steps max_update max_updates train_steps num_steps epochs num_epochs "
    "max_epoch",
    "training.batch_tokens": "batch_size max_tokens tokens_per_batch per_device_train_batch_size",
    "training.accumulate": "update_freq accum_count gradient_accumulation_steps accum_steps",
    "training.schedule.peak": "lr learning_rate max_lr peak_lr",
    "training.schedule.warmup_steps": "warmup warmup_updates num_warmup_steps learning_rate_warmup",
    "training.schedule": "scheduler lr_scheduler lr_schedule lr_scheduler_type decay_method",
    "training.clip_norm": "clip grad_clip max_grad_norm gradient_clip clip_grad_norm",
    "training.label_smoothing": "smoothing label_smoothing_factor",
    "training.optimizer.betas": "adam_betas",
    "training.optimizer.eps": "adam_eps adam_epsilon",
    "training.optimizer.kind": "optim optimizer_type",
    "training.optimizer.weight_decay": "wd adam_weight_decay",
    "training.schedule.end": "min_lr end_lr lr_min eta_min end_learning_rate",
    "training.ema.decay": "ema_decay moving_average_decay",
    "training.precision": "fp16 bf16 mixed_precision amp dtype",
    "training.validation.every": "eval_steps validation_freq valid_steps save_steps",
    "training.validation.patience": "early_stopping early_stopping_patience",
    "decoding.beam": "beam_size num_beams",
    "decoding.length_penalty": "lenpen alpha beam_alpha",
    "evaluation.average_last": "average average_checkpoints num_average",
}
ELSEWHERE = {word: ours for ours, words in _WORDS.items() for word in words.split()}
"""Ours by the words of others."""
