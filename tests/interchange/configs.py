"""Configurations in every published layout, written for these tests: text by format, and a name for each."""

from __future__ import annotations

AXOLOTL = {
    "qlora of conversations": """
base_model: some-org/small-3b
model_type: LlamaForCausalLM
load_in_8bit: false
load_in_4bit: true
strict: false
datasets:
  - path: data/support.jsonl
    ds_type: json
    type: chat_template
    field_messages: turns
    message_property_mappings:
      role: from
      content: value
    roles_to_train: [assistant]
    train_on_eos: turn
dataset_prepared_path: cache/prepared
val_set_size: 0.04
output_dir: ./out/support-qlora
adapter: qlora
sequence_len: 4096
sample_packing: true
pad_to_sequence_len: true
lora_r: 24
lora_alpha: 48
lora_dropout: 0.1
lora_target_linear: true
wandb_project: support
wandb_entity: team
wandb_name: first
gradient_accumulation_steps: 3
micro_batch_size: 4
num_epochs: 2
optimizer: paged_adamw_32bit
lr_scheduler: cosine
learning_rate: 3e-4
train_on_inputs: false
bf16: auto
tf32: false
gradient_checkpointing: true
flash_attention: true
warmup_ratio: 0.05
evals_per_epoch: 1
saves_per_epoch: 1
weight_decay: 0.01
special_tokens:
  pad_token: <pad>
""",
    "dpo": """
base_model: some-org/chat-1b
rl: dpo
rl_beta: 0.2
dpo_label_smoothing: 0.05
datasets:
  - path: some-org/pairs
    split: train
    type: chatml.intel
adapter: lora
lora_r: 8
lora_alpha: 16
lora_target_modules: [q_proj, k_proj]
peft_use_dora: true
sequence_len: 1024
micro_batch_size: 1
num_epochs: 1
max_steps: 200
learning_rate: 0.000005
bf16: true
trust_remote_code: true
""",
    "plain texts, whole": """
base_model: some-org/base-300m
datasets:
  - path: data/books.jsonl
    type: completion
    field: body
test_datasets:
  - path: data/held.jsonl
    ds_type: json
    type: completion
sequence_len: 512
sample_packing: true
micro_batch_size: 8
num_epochs: 1
optimizer: adafactor
lr_scheduler: constant_with_warmup
warmup_steps: 20
learning_rate: 1.0e-4
neftune_noise_alpha: 5
""",
    "grpo with rewards of a module": """
base_model: some-org/reason-1b
rl: grpo
datasets:
  - path: some-org/sums
    name: main
    split: train
trl:
  beta: 0.01
  max_completion_length: 96
  num_generations: 4
  use_vllm: true
  vllm_server_port: 8123
  reward_funcs: [rewards.right]
  reward_weights: [1.0]
  sync_ref_model: false
plugins:
  - axolotl.integrations.liger.LigerPlugin
  - mine.extra.Plugin
micro_batch_size: 8
gradient_accumulation_steps: 2
learning_rate: 1e-6
deepspeed: zero2.json
warmpu_ratio: 0.1
""",
}
LLAMA_FACTORY = {
    "sft with lora": """
model_name_or_path: some-org/chat-8b
trust_remote_code: true
stage: sft
do_train: true
finetuning_type: lora
lora_rank: 12
lora_target: q_proj,v_proj
dataset: helpdesk
template: qwen
cutoff_len: 1500
max_samples: 900
overwrite_cache: true
preprocessing_num_workers: 8
output_dir: saves/helpdesk
logging_steps: 5
save_steps: 250
plot_loss: true
overwrite_output_dir: true
per_device_train_batch_size: 2
gradient_accumulation_steps: 6
learning_rate: 2e-4
num_train_epochs: 2.0
lr_scheduler_type: cosine
warmup_ratio: 0.08
bf16: true
val_size: 0.05
eval_strategy: steps
eval_steps: 40
""",
    "orpo by dpo's stage": """
stage: dpo
model_name_or_path: some-org/chat-8b
pref_loss: orpo
pref_beta: 0.15
finetuning_type: lora
lora_target: all
quantization_bit: 4
dataset: pairs
template: llama3
cutoff_len: 1024
output_dir: saves/pairs
learning_rate: 5.0e-6
num_train_epochs: 1.5
fp16: true
hf_hub_token: hf_secretvalue
""",
    "pretraining, whole": """
stage: pt
model_name_or_path: models/base
finetuning_type: full
dataset: wiki
cutoff_len: 256
output_dir: saves/pt
per_device_train_batch_size: 1
max_steps: 50
deepspeed: ds.json
use_galore: true
""",
    "kto, frozen layers": """
stage: kto
model_name_or_path: some-org/chat-1b
finetuning_type: freeze
freeze_trainable_layers: 3
kto_chosen_weight: 1.5
kto_rejected_weight: 0.5
dataset: marks,more
dataset_dir: here
template: default
report_to: wandb
run_name: kto-one
optim: adamw_bnb_8bit
export_dir: out
""",
}
TRL = {
    "sft": """
model_name_or_path: some-org/small
dataset_name: some-org/talks
dataset_config: main
learning_rate: 1.5e-5
num_train_epochs: 2
packing: true
per_device_train_batch_size: 4
gradient_accumulation_steps: 2
gradient_checkpointing: true
max_length: 2048
logging_steps: 20
use_peft: true
lora_r: 16
lora_alpha: 16
lora_target_modules: all-linear
load_in_4bit: true
assistant_only_loss: true
report_to: [wandb]
push_to_hub: true
hub_model_id: me/talks
hub_token: hf_secretvalue
output_dir: talks-sft
""",
    "a mixture": """
model_name_or_path: some-org/small
datasets:
  - path: json
    data_files: rows.jsonl
    split: train
  - path: some-org/other
    split: train
test_split_size: 0.1
eval_strategy: epoch
load_best_model_at_end: true
metric_for_best_model: eval_loss
seed: 7
bf16: false
fp16: false
""",
    "kto, by its own weights": """
model_name_or_path: some-org/small
dataset_name: rows/marks.jsonl
desirable_weight: 2.0
undesirable_weight: 1.0
beta: 0.3
max_steps: 40
warmup_steps: 4
lr_scheduler_type: cosine_with_min_lr
lr_scheduler_kwargs:
  min_lr_rate: 0.1
optim: lion_32bit
model_init_kwargs:
  use_cache: false
""",
    "grpo, by its generations": """
model_name_or_path: some-org/small
dataset_name: some-org/sums
num_generations: 4
per_device_train_batch_size: 8
max_completion_length: 64
temperature: 0.8
reward_funcs: [accuracy_reward, think_format_reward]
epsilon: 0.1
num_iterations: 2
use_vllm: true
vllm_mode: colocate
trust_remote_code: true
""",
}
AITRAINING = {
    "llm sft": """
task: llm-sft
base_model: some-org/tiny
project_name: helper
log: wandb
backend: local
data:
  path: data
  train_split: train
  valid_split: null
  chat_template: tokenizer
  column_mapping:
    text_column: messages
params:
  block_size: 2048
  model_max_length: 4096
  epochs: 2
  batch_size: 1
  lr: 2e-5
  peft: true
  quantization: int8
  target_modules: all-linear
  padding: right
  optimizer: adamw_torch
  scheduler: cosine
  gradient_accumulation: 8
  mixed_precision: bf16
  response_only_loss: true
  merge_adapter: true
  rl_reward_fn: default
hub:
  username: ${HF_USERNAME}
  token: ${HF_TOKEN}
  push_to_hub: true
""",
    "dpo": """
task: llm-dpo
base_model: some-org/tiny
project_name: better
log: none
backend: local
data:
  path: some-org/pairs
  train_split: train_prefs
  valid_split: test_prefs
  chat_template: chatml
  column_mapping:
    text_column: chosen
    rejected_text_column: rejected
    prompt_text_column: prompt
params:
  dpo_beta: 0.2
  max_prompt_length: 64
  peft: false
  lora_r: 4
  use_sweep: true
  post_trial_script: ./after.sh
  custom_metrics: '["x"]'
""",
    "tabular": """
task: tabular
base_model: random_forest
project_name: prices
log: none
backend: local
data:
  path: rows
  train_split: train
  valid_split: null
  column_mapping:
    id_column: id
    target_columns: [price]
    numerical_columns: [area, rooms]
    categorical_columns: [town]
params:
  task: regression
  num_trials: 5
  time_limit: 60
  numerical_imputer: median
  numeric_scaler: robust
""",
    "entities": """
task: token-classification
base_model: bert-base-cased
project_name: names
log: tensorboard
backend: spaces-a10g
data:
  path: some-org/entities
  train_split: train
  valid_split: validation
  column_mapping:
    tokens_column: words
    tags_column: tags
params:
  max_seq_length: 96
  epochs: 4
  batch_size: 16
  early_stopping_patience: 2
  early_stopping_threshold: 0.001
  nosuch: 3
""",
    "sentences": """
task: st:triplet
base_model: some-org/encoder
project_name: alike
log: none
backend: local
data:
  path: rows
  train_split: train
  valid_split: dev
  column_mapping:
    sentence1_column: a
    sentence2_column: b
    sentence3_column: c
params:
  epochs: 1
  lr: 3e-5
  mixed_precision: fp16
""",
}
SFT_PLAY = {
    "whole": """
seed: 11
run_name: one
mode: sft
model:
  name: some-org/instruct-1b
  revision: main
  type: causal
  max_seq_len: 640
  trust_remote_code: true
tuning:
  mode: qlora
  backend: bnb
  lora: {r: 16, alpha: 32, dropout: 0.1, target_modules: auto}
train:
  epochs: 2
  learning_rate: 2e-4
  lr: 1e-4
  batch_size: auto
  grad_accum: 4
  bf16: true
  fp16: false
  evaluation_strategy: steps
  eval_steps: 10
  save_strategy: steps
  save_steps: 10
  load_best_model_at_end: true
  metric_for_best_model: eval_loss
  greater_is_better: false
  output_dir: outputs/one
data:
  format: chat
  template_path: chat_templates/default.jinja
  train_path: data/processed/train.jsonl
  val_path: data/processed/val.jsonl
  test_path: data/processed/test.jsonl
  split: {train_ratio: 0.8, val_ratio: 0.1, test_ratio: 0.1}
logging: {backend: tensorboard, log_interval: 1}
gen: {max_new_tokens: 100, temperature: 0.0}
""",
    "no split yet": """
model: {name: some-org/instruct-1b, max_seq_len: 512}
tuning: {mode: lora, backend: unsloth, lora: {r: 8, alpha: 16, target_modules: [q_proj]}}
train: {epochs: 1, batch_size: 2, grad_accum: auto, warmup_ratio: 0.03, fp16: true, output_dir: outputs/two}
data: {raw_path: data/raw/raw.jsonl, split: {train_ratio: 0.8, val_ratio: 0.2, test_ratio: 0}}
""",
    "texts": """
task_mode: cpt
block_size: 1024
pack_factor: 4
model: {name: some-org/base}
datasets:
  - {name: a, path: data/a.jsonl, type: cpt, weight: 0.9}
  - {name: b, path: data/b.jsonl, type: chat, weight: 0.1}
tuning: {mode: lora, lora: {r: 16, alpha: 32}}
train: {epochs: 1, lr: 1e-4, evaluation_strategy: "no", deepspeed: x.json, save_steps: 500}
""",
    "whole weights, an encoder and a decoder": """
model: {name: some-org/t5, type: seq2seq, max_seq_len: 256}
tuning: {mode: full}
train: {epochs: 3, batch_size: 4, grad_accum: 1, steps: 10, weight_decay: 0.0, mystery: 1}
data: {train_path: d/train.jsonl, val_path: d/val.jsonl}
""",
}
UNSLOTH = {
    "yaml of its command": """
model: some-org/instruct-bnb-4bit
data:
  dataset: some-org/talks
  format_type: chatml
training:
  training_type: lora
  max_seq_length: 1024
  load_in_4bit: true
  output_dir: outputs/talks
  num_epochs: 1
  learning_rate: 1e-4
  batch_size: 3
  gradient_accumulation_steps: 2
  warmup_steps: 7
  weight_decay: 0.02
  random_seed: 99
  train_on_completions: true
  gradient_checkpointing: unsloth
lora:
  lora_r: 32
  lora_alpha: 32
  lora_dropout: 0.0
  target_modules: q_proj,v_proj
  use_loftq: false
logging:
  enable_wandb: true
  wandb_project: talks
  hf_token: hf_secretvalue
""",
    "full": """
model: some-org/instruct
data: {local_dataset: [rows/a.jsonl, rows/b.jsonl]}
training: {training_type: full, max_steps: 30, learning_rate: 0.00002, save_steps: 0, packing: true}
""",
    "texts": """
model: some-org/base
data: {dataset: rows/books.jsonl, format_type: raw}
training: {num_epochs: 2, batch_size: 2, learning_rate: 5e-5}
lora: {lora_r: 8, use_rslora: true, finetune_mlp_modules: false}
""",
    "with a typing error": """
model: some-org/instruct
data: {dataset: rows/a.jsonl}
training: {num_epoch: 2, learning_rate: 5e-5}
logging: {enable_tensorboard: true}
""",
}
LUDWIG = {
    "boosted trees": """
model_type: gbm
dataset: rows/people.csv
input_features:
  - {name: age, type: number}
  - {name: job, type: category}
  - {name: since, type: date}
output_features:
  - {name: left, type: binary}
trainer: {num_boost_round: 300, learning_rate: 0.1, max_depth: 4, num_leaves: 31, early_stop: 10}
preprocessing:
  split: {type: fixed, column: part}
""",
    "text classes": """
input_features:
  - name: review
    type: text
    encoder:
      type: bert
      trainable: true
    preprocessing:
      max_sequence_length: 128
output_features:
  - name: sentiment
    type: category
trainer:
  epochs: 4
  learning_rate: 2e-5
  batch_size: 16
  optimizer: {type: adamw}
  learning_rate_scheduler: {decay: linear, warmup_fraction: 0.1}
  early_stop: 2
preprocessing:
  split: {type: stratify, column: sentiment, probabilities: [0.8, 0.2, 0.0]}
""",
    "a language model": """
model_type: llm
base_model: some-org/base-7b
input_features: [{name: instruction, type: text}]
output_features: [{name: output, type: text}]
prompt:
  template: "Question: {instruction}"
adapter: {type: lora, r: 4, alpha: 8, dropout: 0.0}
quantization: {bits: 4}
trainer:
  type: finetune
  epochs: 1
  batch_size: 1
  gradient_accumulation_steps: 16
  learning_rate: 0.0002
  learning_rate_scheduler: {warmup_fraction: 0.03, decay: cosine}
generation: {temperature: 0.1, max_new_tokens: 64}
backend: {type: local}
""",
    "pictures": """
input_features:
  - name: photo
    type: image
    encoder: {type: vit, use_pretrained: true}
  - name: note
    type: text
output_features: [{name: kind, type: category}]
trainer: {epochs: 2, batch_size: 8, learning_rate: 0.001}
combiner: {type: concat}
hyperopt: {goal: minimize}
""",
}
ROUTELLM = {
    "all four": """
sw_ranking:
    arena_battle_datasets: [some-org/battles, some-org/judged]
    arena_embedding_datasets: [some-org/vectors]
causal_llm:
    checkpoint_path: some-org/causal
bert:
    checkpoint_path: some-org/bert
mf:
    checkpoint_path: some-org/mf
    strong_model: big
    weak_model: small
    use_proj: true
""",
    "ranking": "sw_ranking: {arena_battle_datasets: [rows/battles.jsonl], num_tiers: 10}\n",
    "factors": "mf: {checkpoint_path: some-org/mf, hidden_size: 64, text_dim: 1536}\n",
    "an encoder": "bert: {checkpoint_path: some-org/bert, num_labels: 3}\n",
}
AUTOTRAIN = {name: text.replace("rl_reward_fn: default", "seed: 3") for name, text in AITRAINING.items()}
CONFIGS: dict[str, dict[str, str]] = {
    "axolotl": AXOLOTL, "llamafactory": LLAMA_FACTORY, "trl": TRL, "aitraining": AITRAINING, "autotrain": AUTOTRAIN,
    "sft-play": SFT_PLAY, "unsloth": UNSLOTH, "ludwig": LUDWIG, "routellm": ROUTELLM,
}  # fmt: skip
ALL = [(fmt, name) for fmt, texts in CONFIGS.items() for name in texts]
