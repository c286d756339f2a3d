"""Configurations as a user of each program writes them, with all the settings that its documents show first.

Each has the fields of the spec that mean the same, and the settings whose loss has an effect on the result.
"""

from __future__ import annotations

from typing import Any

#: Its name: the format, the text, the fields of the spec, the settings of effect that are lost or changed.
DOCUMENTED: dict[str, tuple[str, str, dict[str, Any], set[str]]] = {
    "an adapter on a slice of a set": (
        "axolotl",
        """
base_model: some-org/base-8b
plugins:
  - axolotl.integrations.liger.LigerPlugin
liger_rope: true
liger_glu_activation: true
chat_template: llama3
datasets:
  - path: some-org/talks
    type: chat_template
    split: train[:20%]
    field_messages: conversations
    message_property_mappings:
      role: from
      content: value
dataset_prepared_path: last_run_prepared
val_set_size: 0.02
output_dir: ./outputs/out
sequence_len: 4096
sample_packing: true
eval_sample_packing: false
adapter: lora
lora_r: 16
lora_alpha: 32
lora_dropout: 0.05
lora_target_modules:
  - q_proj
  - v_proj
wandb_project:
wandb_entity:
gradient_accumulation_steps: 4
micro_batch_size: 2
num_epochs: 1
optimizer: paged_adamw_8bit
lr_scheduler: cosine
learning_rate: 2e-5
bf16: auto
gradient_checkpointing: true
gradient_checkpointing_kwargs:
  use_reentrant: false
logging_steps: 1
flash_attention: true
warmup_ratio: 0.1
evals_per_epoch: 2
saves_per_epoch: 1
weight_decay: 0.0
fsdp:
fsdp_config:
special_tokens:
  pad_token: <|finetune_right_pad_id|>
""",
        {
            "/batch_size": 2,
            "/epochs": 1,
            "/data/validation_split": 0.02,
            "/data/columns/role": "from",
            "/model/spec/finetuning_spec/rank": 16,
            "/model/spec/finetuning_spec/target_modules": ["q_proj", "v_proj"],
            "/model/spec/keep": "best",
            "/model/spec/packing": "packed",
            "/model/spec/precision": "auto",
            "/model/spec/optimizer/learning_rate": 2e-05,
            "/model/spec/schedule/warmup_ratio": 0.1,
        },
        {"datasets[0].path", "evals_per_epoch"},
    ),
    "kto by steps, pushed": (
        "axolotl",
        """
base_model: some-org/base-1b
strict: false
rl: kto
rl_beta: 0.5
kto_desirable_weight: 0.2
datasets:
  - path: some-org/thumbs
    type: llama3.ultra
    split: train
val_set_size: 0.0
output_dir: ./outputs/kto
remove_unused_columns: false
adapter: qlora
load_in_4bit: true
sequence_len: 2048
lora_r: 32
lora_alpha: 64
lora_dropout: 0.05
lora_target_linear: true
gradient_accumulation_steps: 1
micro_batch_size: 2
num_epochs: 1
optimizer: adamw_8bit
lr_scheduler: cosine
learning_rate: 0.0002
bf16: auto
warmup_steps: 20
load_best_model_at_end: false
max_steps: 500
hub_model_id: me/thumbs
""",
        {
            "/model/spec/beta": 0.5,
            "/model/spec/desirable_weight": 0.2,
            "/model/spec/max_steps": 500,
            "/model/spec/finetuning_spec/method": "qlora",
            "/model/spec/schedule/warmup_steps": 20,
            "/hub/repository": "me/thumbs",
            "/data/validation_split": 0,
        },
        set(),
    ),
    "dpo with a share held out": (
        "llamafactory",
        """
model_name_or_path: some-org/chat-7b
stage: dpo
do_train: true
finetuning_type: lora
lora_rank: 8
lora_target: all
pref_beta: 0.1
pref_loss: sigmoid
pref_ftx: 0.1
dataset: pairs_demo
template: qwen
cutoff_len: 2048
max_samples: 1000
overwrite_cache: true
preprocessing_num_workers: 16
output_dir: saves/pairs
logging_steps: 10
save_steps: 500
plot_loss: true
overwrite_output_dir: true
per_device_train_batch_size: 1
gradient_accumulation_steps: 8
learning_rate: 5.0e-6
num_train_epochs: 3.0
lr_scheduler_type: cosine
warmup_ratio: 0.1
bf16: true
ddp_timeout: 180000000
val_size: 0.1
per_device_eval_batch_size: 1
eval_strategy: steps
eval_steps: 500
""",
        {
            "/model/spec/beta": 0.1,
            "/model/spec/loss_type": "sigmoid",
            "/model/spec/evaluation/every": 500,
            "/model/spec/finetuning_spec/alpha": 16,
            "/model/spec/finetuning_spec/target_modules": "auto",
            "/model/spec/keep": "last",
            "/data/max_samples": 1000,
            "/data/validation_split": 0.1,
            "/epochs": 3,
        },
        {"dataset", "pref_ftx"},
    ),
    "texts, the last layers": (
        "llamafactory",
        """
model_name_or_path: some-org/base-8b
trust_remote_code: true
stage: pt
do_train: true
finetuning_type: freeze
freeze_trainable_layers: 4
dataset: texts_demo
cutoff_len: 1024
packing: true
output_dir: saves/pt
per_device_train_batch_size: 4
gradient_accumulation_steps: 2
learning_rate: 1.0e-4
max_steps: 1000
lr_scheduler_type: cosine_with_min_lr
lr_scheduler_kwargs: {min_lr_rate: 0.1}
warmup_steps: 0.05
optim: adamw_torch
weight_decay: 0.1
adam_beta2: 0.95
max_grad_norm: 0.5
fp16: true
seed: 7
report_to: none
deepspeed: examples/deepspeed/ds_z2_config.json
""",
        {
            "/model/spec/finetuning_spec/num_layers": 4,
            "/model/spec/schedule/final_fraction": 0.1,
            "/model/spec/schedule/warmup_ratio": 0.05,
            "/model/spec/optimizer/betas": [0.9, 0.95],
            "/model/spec/max_grad_norm": 0.5,
            "/model/spec/precision": "float16",
            "/model/spec/packing": "packed",
            "/model/spec/seed": 7,
            "/data/validation_split": 0,
        },
        {"dataset", "trust_remote_code"},
    ),
    "ipo with the best weights": (
        "trl:dpo",
        """
model_name_or_path: some-org/chat-half
dataset_name: some-org/pairs
learning_rate: 5.0e-6
num_train_epochs: 1
per_device_train_batch_size: 2
max_steps: 1000
gradient_accumulation_steps: 8
gradient_checkpointing: true
logging_steps: 25
eval_strategy: steps
eval_steps: 50
load_best_model_at_end: true
metric_for_best_model: eval_loss
output_dir: half-ipo
no_remove_unused_columns: true
use_peft: true
lora_r: 32
lora_alpha: 16
beta: 0.05
loss_type: ipo
lr_scheduler_type: constant_with_warmup
warmup_ratio: 0.1
dtype: bfloat16
attn_implementation: flash_attention_2
precompute_ref_log_probs: true
""",
        {
            "/model/spec/loss_type": "ipo",
            "/model/spec/beta": 0.05,
            "/model/spec/keep": "best",
            "/model/spec/evaluation/measure": "loss",
            "/model/spec/evaluation/every": 50,
            "/model/spec/finetuning_spec/target_modules": ["q_proj", "v_proj"],
            "/model/spec/schedule/schedule_type": "constant",
            "/data/validation_data": "hub:some-org/pairs/*test*",
            "/model/spec/precision": "bfloat16",
        },
        set(),
    ),
    "a script": (
        "unsloth",
        """
from unsloth import FastLanguageModel, is_bfloat16_supported
from trl import SFTTrainer, SFTConfig
from datasets import load_dataset

max_seq_length = 2048
model, tokenizer = FastLanguageModel.from_pretrained(
    model_name="some-org/base-8b-4bit",
    max_seq_length=max_seq_length,
    dtype=None,
    load_in_4bit=True,
)
model = FastLanguageModel.get_peft_model(
    model, r=16, target_modules=["q_proj", "k_proj", "v_proj", "o_proj"], lora_alpha=32, lora_dropout=0.1,
    bias="none", use_gradient_checkpointing="unsloth", random_state=3407, use_rslora=True, loftq_config=None,
)
dataset = load_dataset("some-org/tasks", split="train")
trainer = SFTTrainer(
    model=model, tokenizer=tokenizer, train_dataset=dataset, dataset_text_field="text",
    max_seq_length=max_seq_length, packing=False,
    args=SFTConfig(
        per_device_train_batch_size=2, gradient_accumulation_steps=4, warmup_steps=5, max_steps=60,
        learning_rate=2e-4, fp16=not is_bfloat16_supported(), bf16=is_bfloat16_supported(), logging_steps=1,
        optim="adamw_8bit", weight_decay=0.01, lr_scheduler_type="linear", seed=3407, output_dir="outputs",
        report_to="none",
    ),
)
trainer.train()
""",
        {
            "/model/spec/precision": "auto",
            "/model/spec/finetuning_spec/method": "qlora",
            "/model/spec/finetuning_spec/alpha": 32,
            "/model/spec/max_steps": 60,
            "/model/spec/schedule/warmup_steps": 5,
            "/model/spec/seed": 3407,
            "/model/spec/packing": "none",
            "/data/columns/text": "text",
        },
        {"peft.use_rslora"},
    ),
    "sentiment by an encoder": (
        "ludwig",
        """
input_features:
  - name: review_text
    type: text
    encoder:
      type: auto_transformer
      pretrained_model_name_or_path: some-org/small-encoder
      trainable: true
    preprocessing:
      max_sequence_length: 128
output_features:
  - name: sentiment
    type: category
preprocessing:
  split:
    type: random
    probabilities: [0.7, 0.1, 0.2]
trainer:
  epochs: 4
  batch_size: 16
  learning_rate: 0.00002
  early_stop: 3
  checkpoints_per_epoch: 2
  optimizer: {type: adamw, weight_decay: 0.01}
  learning_rate_scheduler: {decay: linear, warmup_fraction: 0.1}
  validation_metric: accuracy
  gradient_clipping: {clipglobalnorm: 1.0}
""",
        {
            "/model/spec/base_model_name": "some-org/small-encoder",
            "/model/spec/max_length": 128,
            "/model/spec/evaluation/measure": "accuracy",
            "/model/spec/early_stopping/patience": 3,
            "/model/spec/max_grad_norm": 1,
            "/data/text_columns": "review_text",
            "/data/target_columns": "sentiment",
            "/data/validation_split": 0.1,
        },
        {"preprocessing.split.probabilities", "trainer.checkpoints_per_epoch"},
    ),
    "orpo with four bits": (
        "autotrain",
        """
task: llm-orpo
base_model: some-org/chat-8b
project_name: chat-orpo
log: tensorboard
backend: local-cli
data:
  path: some-org/judged
  train_split: train
  valid_split: null
  chat_template: chatml
  column_mapping:
    text_column: chosen
    rejected_text_column: rejected
    prompt_text_column: prompt
params:
  block_size: 1024
  model_max_length: 8192
  max_prompt_length: 512
  epochs: 3
  batch_size: 2
  lr: 3e-5
  peft: true
  quantization: int4
  target_modules: all-linear
  padding: right
  optimizer: adamw_torch
  scheduler: linear
  gradient_accumulation: 4
  mixed_precision: fp16
hub:
  username: ${HF_USERNAME}
  token: ${HF_TOKEN}
  push_to_hub: true
""",
        {
            "/model/spec/finetuning_spec/method": "qlora",
            "/model/spec/finetuning_spec/target_modules": "auto",
            "/model/spec/max_length": 1024,
            "/model/spec/precision": "float16",
            "/model/spec/chat/template": "chatml",
            "/model/spec/save_as": "adapter",
            "/data/columns/chosen": "chosen",
            "/data/validation_split": 0,
            "/batch_size": 2,
        },
        set(),
    ),
    "raw rows, split by it": (
        "sft-play",
        """
task_mode: sft
model:
  type: causal
  name: some-org/chat-3b
  max_seq_len: 512
tuning:
  mode: qlora
  backend: bnb
  lora:
    r: 32
    alpha: 32
    dropout: 0.05
    target_modules: auto
train:
  epochs: 3
  lr: 2e-4
  batch_size: auto
  grad_accum: auto
  eval_strategy: steps
  eval_steps: 200
  load_best_model_at_end: true
  bf16: true
data:
  format: chat
  raw_path: data/raw/raw.json
  template_path: chat_templates/default.jinja
  split: {train_ratio: 0.8, val_ratio: 0.1, test_ratio: 0.1}
gen:
  max_new_tokens: 200
seed: 1
""",
        {
            "/model/spec/gradient_accumulation": 16,
            "/batch_size": 1,
            "/model/spec/evaluation/every": 200,
            "/model/spec/keep": "best",
            "/model/spec/precision": "float16",
            "/model/spec/chat/template": "chatml",
            "/data/validation_split": 0.1,
            "/data/dataset": "data/raw/raw.json",
        },
        {"data.split.test_ratio", "train.grad_accum"},
    ),
    "two routers": (
        "routellm",
        """
mf:
  checkpoint_path: some-org/mf
causal_llm:
  checkpoint_path: some-org/judge
""",
        {"/model/spec/model_type": "matrix_factorization", "/epochs": 10, "/batch_size": 64},
        {"causal_llm.checkpoint_path", "mf.checkpoint_path"},
    ),
}
