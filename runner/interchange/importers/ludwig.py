"""Ludwig: its declarative YAML and JSON, ``model_type`` ecd, gbm and llm."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from runner.interchange import rules
from runner.interchange.drafting import Draft
from runner.interchange.format import Chosen, Format
from runner.interchange.importers import hf_arguments
from runner.interchange.importers.data_names import named
from runner.interchange.leaves import Leaf, Leaves
from runner.interchange.rules import Dead, Decides, Lost, Refused, Rule, Secret, Table, To, each

TABULAR_INPUTS = {"number", "numerical", "category", "binary", "date"}
ENCODERS = {
    "bert",
    "roberta",
    "distilbert",
    "auto_transformer",
    "deberta",
    "electra",
    "albert",
    "camembert",
    "xlmroberta",
    "longformer",
}


def _features(leaves: Leaves, side: str) -> list[dict[str, Any]]:
    """The features, each as a mapping of its settings' last names."""
    found: list[dict[str, Any]] = []
    for leaf in leaves:
        if leaf.key.startswith(f"{side}_features["):
            index = int(leaf.key.partition("[")[2].partition("]")[0])
            while len(found) <= index:
                found.append({})
            found[index][leaf.key.partition("].")[2]] = leaf.value
    return found


def kind(leaves: Leaves) -> Chosen:
    inputs = [str(one.get("type", "")) for one in _features(leaves, "input")]
    outputs = [str(one.get("type", "")) for one in _features(leaves, "output")]
    model = str(leaves.get("model_type", "ecd")).casefold()
    out = outputs[0] if outputs else ""
    if model == "llm":
        return Chosen("sft")
    numbers = out in ("number", "numerical")
    if "image" in inputs:
        return Chosen("image_regression" if numbers else "image_classification")
    if "text" in inputs and model != "gbm" and set(inputs) <= {"text"}:
        if out == "text":
            return Chosen("seq2seq")
        return Chosen("text_regression" if numbers else "text_classification")
    note = "" if model == "gbm" else "Ludwig's network of encoders is not here: the columns are learned as a table"
    return Chosen("tabular_regression" if numbers else "tabular_classification", note)


_NETWORKS = "it is their network's, and the columns are learned by trees here"
_MLP = 'learner_type "mlp" is a small network, with a learning rate and an end of its own'


def _trees(leaves: Leaves) -> bool:
    """Whether their columns are learned by trees, too: the other settings are those of a network."""
    return str(leaves.get("model_type", "ecd")).casefold() == "gbm"


def table(kind: str) -> Table:
    missing = Lost("there is no such part here", "leave it out, or keep to their program for it")
    tabular = kind.startswith("tabular")
    trainer: dict[str, Rule] = {
        "learning_rate": To("learning_rate", rules.number),
        "epochs": Dead("a tree has rounds, and no epochs") if tabular else To("epochs", rules.number),
        "train_steps": To("max_steps", rules.whole),
        "batch_size": To("batch", lambda value: "auto" if str(value) == "auto" else rules.whole(value)),
        "gradient_accumulation_steps": To(
            "accumulation", lambda value: None if str(value) == "auto" else rules.whole(value)
        ),
        "effective_batch_size": Lost(
            "the step's size is batch_size times gradient_accumulation here", "set both", off=("auto",)
        ),
        "optimizer.type": To("optimizer", rules.text),
        "optimizer": To("optimizer", rules.text),
        "optimizer.weight_decay": To("weight_decay", rules.number),
        "optimizer.eps": To("eps", rules.number),
        "optimizer.lr": To("learning_rate", rules.number),
        "optimizer.betas": To("betas", rules.listed),
        "optimizer.**": Lost("an optimizer's further arguments", "see model.spec.optimizer"),
        "learning_rate_scheduler.decay": To("scheduler", rules.text),
        "learning_rate_scheduler.warmup_fraction": To("warmup_ratio", rules.number),
        "learning_rate_scheduler.warmup_evaluations": Lost(
            "a warm-up is told in steps or as a share", "set model.spec.schedule"
        ),
        "learning_rate_scheduler.eta_min": Lost(
            "the rate's end is told as a share of it", "set model.spec.schedule.final_fraction"
        ),
        "learning_rate_scheduler.**": Lost("a schedule's further arguments", "see model.spec.schedule"),
        "learning_rate_scaling": Lost("the learning rate is as it is given", "", off=("constant", "linear")),
        "early_stop": To("early", rules.whole),
        # They measure whenever they save, and the patience counts that.
        "checkpoints_per_epoch": Dead("a tree has rounds, and no epochs") if tabular else To("evals_per_epoch", _some),
        "steps_per_checkpoint": Dead("a tree has rounds, and no steps") if tabular else To("eval_steps", _some),
        "gradient_clipping.clipglobalnorm": To("/model/spec/max_grad_norm", rules.number),
        "gradient_clipping.**": Lost("the gradient's norm alone is cut", "set model.spec.max_grad_norm"),
        "regularization_lambda": Lost(
            "weight decay takes the place of a penalty", "set model.spec.optimizer.weight_decay", off=(0, 0.0)
        ),
        "regularization_type": Dead("its weight is regularization_lambda"),
        "validation_metric": To("measure", rules.text),
        "validation_field": Dead("there is one target"),
        "enable_gradient_checkpointing": To("/model/spec/gradient_checkpointing", rules.flag),
        "use_mixed_precision": To("=precision", lambda value: "auto" if rules.flag(value) else "float32"),
        "layers_to_freeze_regex": missing,
        "bucketing_field": missing,
        "type": Dead("told by the kind"),
        "should_shuffle": Lost("rows are drawn in a shuffled order", "", off=(True,)),
        "increase_batch_size_on_plateau": missing,
        "base_learning_rate": missing,
        "num_boost_round": To("/model/spec/learner/n_estimators", rules.whole),
        "max_depth": To(
            "/model/spec/learner/max_depth", lambda value: 64 if rules.whole(value) < 1 else rules.whole(value)
        ),
        "lambda_l1": To("/model/spec/learner/reg_alpha", rules.number),
        "lambda_l2": To("/model/spec/learner/reg_lambda", rules.number),
        "min_gain_to_split": To("/model/spec/learner/min_split_loss", rules.number),
        "bagging_fraction": To("/model/spec/learner/subsample", rules.number),
        "feature_fraction": To("/model/spec/learner/colsample_bytree", rules.number),
        "max_bin": To("/model/spec/learner/max_bin", rules.whole),
        "min_sum_hessian_in_leaf": To("/model/spec/learner/min_child_weight", rules.number),
    }
    lightgbm = (
        "tree_learner boosting_type boosting_rounds_per_checkpoint num_leaves min_data_in_leaf bagging_freq"
        " bagging_seed extra_trees"
        " linear_lambda drop_rate max_drop skip_drop xgboost_dart_mode uniform_drop drop_seed top_rate other_rate"
        " min_data_per_group"
        " max_cat_threshold cat_l2 cat_smooth max_cat_to_onehot cegb_tradeoff cegb_penalty_split path_smooth verbose"
        " feature_fraction_seed"
        " feature_fraction_bynode extra_seed max_delta_step pos_bagging_fraction neg_bagging_fraction"
        " feature_pre_filter"
    )
    trainer |= each(lightgbm, Lost("LightGBM's own; trees are XGBoost's here", "see the fields of model.spec.learner"))
    trainer |= each(
        "eval_steps eval_batch_size evaluate_training_set"
        " skip_all_evaluation enable_profiling"
        " profiler profiler.** max_batch_size compile increase_batch_size_on_plateau_patience"
        " increase_batch_size_on_plateau_rate"
        " increase_batch_size_eval_metric increase_batch_size_eval_split",
        Dead(hf_arguments.MACHINE),
    )
    found: dict[str, Rule] = {f"trainer.{name}": rule for name, rule in trainer.items()}
    found |= {f"training.{name}": rule for name, rule in trainer.items()}
    found |= {
        "model_type": Decides(),
        "ludwig_version": Dead("the version of the file"),
        "dataset": Dead("told with the data"),
        "base_model": To("/model/spec/base_model_name", rules.text),
        "model_name": To("/model/spec/base_model_name", rules.text),
        "adapter.type": To("adapter", rules.word({"lora": "lora", "ia3": "ia3", "adalora": "lora"})),
        "adapter": To("adapter", rules.word({"lora": "lora", "ia3": "ia3", "adalora": "lora"})),
        "adapter.r": To("rank", rules.whole),
        "adapter.alpha": To("alpha", rules.number),
        "adapter.dropout": To("dropout", rules.number),
        "adapter.target_modules": To("targets", hf_arguments.targets),
        "adapter.use_rslora": To("rslora", rules.flag),
        "adapter.use_dora": To("dora", rules.flag),
        "adapter.bias_type": Lost("biases are not trained beside an adapter", "", off=("none",)),
        "adapter.pretrained_adapter_weights": Lost(
            "a training goes on from a stored model by its name", "set model.start_state"
        ),
        "adapter.postprocessor.merge_adapter_into_base_model": To("merged", rules.flag),
        "adapter.postprocessor.progressbar": Dead(hf_arguments.LOGGING),
        "adapter.**": missing,
        "quantization.bits": To("=bits", rules.whole),
        "quantization.bnb_4bit_quant_type": To("quant_type", rules.text),
        "quantization.bnb_4bit_compute_dtype": To("compute_dtype", hf_arguments.PRECISION),
        "quantization.**": Lost("quantisation's further arguments", "", effect=False),
        "prompt.template": To("prompt_template", rules.text),
        "prompt.task": Lost("a task's text for all rows", "put it into the rows, or into a chat template"),
        "prompt.retrieval.**": missing,
        "model_parameters.neftune_noise_alpha": To("/model/spec/neftune_noise_alpha", rules.number),
        "model_parameters.**": missing,
        "generation.**": Dead("how answers are drawn, which changes no weight: runner infer, runner chat"),
        "backend": Lost("where it runs is the run's: run.executor", "", effect=False, off=("local",)),
        "backend.**": Lost("where it runs is the run's: run.executor", "", effect=False),
        "preprocessing.split.type": To("split_type", rules.text),
        "preprocessing.split.probabilities": To("split_shares", _numbers),
        "preprocessing.split.column": To("split_column", rules.text),
        "preprocessing.split.datetime": To("split_column", rules.text),
        "preprocessing.global_max_sequence_length": To("/model/spec/max_length", rules.whole),
        "preprocessing.sample_ratio": Lost("a share of the rows", "set data.max_samples", off=(1, 1.0)),
        "preprocessing.sample_size": To("/data/max_samples", rules.whole),
        "preprocessing.oversample_minority": Lost(
            "rows are not drawn twice", "set model.spec.class_weights to balanced"
        ),
        "preprocessing.undersample_majority": Lost("rows are not left out", "set model.spec.class_weights to balanced"),
        "preprocessing.**": Lost(
            "how a column is prepared is the kind's here", "see the fields of data and of the kind"
        ),
        "defaults.**": Lost("what all features of a type have in common", "see the fields of the kind"),
        "hyperopt.**": Lost(
            "a search over settings is no part of a spec",
            "runner compare trains several specs on one split",
            effect=False,
        ),
        "combiner.**": Lost("how encoders are put together is the kind's here", "", effect=True),
        "combiner": Lost("how encoders are put together is the kind's here"),
        "random_seed": To("/model/spec/seed", rules.whole),
        "output_directory": To("name", rules.text),
        "experiment_name": To("name", rules.text),
        "training_set": Dead("told with the data"),
        "validation_set": Dead("told with the data"),
        "test_set": Lost("a test set is measured by a command of its own", "runner infer", effect=False),
        "config_str": Lost("a configuration within the command line", "write it into a file: --config FILE"),
        "gpus": Lost("where it runs is the run's", "set run.gpus", effect=False),
        "hf_token": Secret("HF_TOKEN"),
        "trust_remote_code": Refused("code of a model's repository is never run here"),
        "input_features[*].name": Dead("told with the columns"),
        "input_features[*].column": Dead("told with the columns"),
        "input_features[*].type": Dead("told with the columns"),
        "output_features[*].name": Dead("told with the columns"),
        "output_features[*].column": Dead("told with the columns"),
        "output_features[*].type": Dead("told with the columns"),
        "input_features[*].encoder.type": To("encoder", rules.text),
        "input_features[*].encoder": To("encoder", rules.text),
        "input_features[*].encoder.pretrained_model_name_or_path": To("/model/spec/base_model_name", rules.text),
        "input_features[*].encoder.trainable": To("trainable", rules.flag),
        "input_features[*].encoder.use_pretrained": Lost(
            "a pretrained model is where a training begins", "", off=(True,)
        ),
        "input_features[*].encoder.adapter.type": To("adapter", rules.word({"lora": "lora", "ia3": "ia3"})),
        "input_features[*].preprocessing.max_sequence_length": To("/model/spec/max_length", rules.whole),
        "output_features[*].preprocessing.max_sequence_length": To("/model/spec/max_target_length", rules.whole),
        "output_features[*].loss.class_weights": To("class_weights", lambda value: value),
        "output_features[*].loss.type": Lost(
            "the loss is the kind's",
            "",
            off=(
                "softmax_cross_entropy",
                "binary_weighted_cross_entropy",
                "mean_squared_error",
                "next_token_softmax_cross_entropy",
            ),
        ),
        "output_features[*].threshold": To("/model/spec/threshold", rules.number),
        "input_features[*].preprocessing.missing_value_strategy": Lost(
            "a value that is missing is missing here, and no other", "see model.spec.imputation", effect=True
        ),
        "input_features[*].**": Lost(
            "how a column is read and encoded is the kind's here", "see the fields of data and of the kind"
        ),
        "output_features[*].**": Lost(
            "how a target is read is the kind's here", "see the fields of data and of the kind"
        ),
        "env.**": Lost(
            "an environment variable", "set it where the run begins; run.env names those that it gets", effect=False
        ),
    }
    return found | each(
        "skip_save_processed_input skip_save_model skip_save_progress skip_save_log logging_level model_load_path"
        " model_resume_path"
        " skip_save_training_description skip_save_training_statistics data_format",
        Dead(hf_arguments.SAVING),
    )


def _some(value: Any) -> int | None:
    """A number, of which 0 asks for nothing."""
    return rules.whole(value) or None


def _numbers(value: Any) -> list[float]:
    if not isinstance(value, list):
        raise ValueError("is no list of shares")
    return [float(rules.number(one)) for one in value]


def defaults(kind: str, leaves: Leaves) -> Mapping[str, Any]:
    if kind.startswith("tabular"):
        return (
            {"learning_rate": 0.03, "/model/spec/learner/n_estimators": 1000, "val_share": 0.1}
            if _trees(leaves)
            else {"val_share": 0.1}
        )
    if kind == "sft":
        return {
            "learning_rate": 2e-4,
            "epochs": 3,
            "batch": 1,
            "optimizer": "adam",
            "rank": 8,
            "alpha": 16,
            "dropout": 0.05,
            # Without a decay it stays, and a warm-up goes before it all the same.
            "scheduler": "constant_with_warmup",
            "val_share": 0.1,
            "keep_best": True,
            "merged": False,
            "targets": hf_arguments.peft_targets(leaves.get("base_model")),
        }
    return {
        "learning_rate": 0.001,
        "epochs": 100,
        "optimizer": "adam",
        # Without a decay it stays, and a warm-up goes before it all the same.
        "scheduler": "constant_with_warmup",
        "val_share": 0.1,
        "early": 5,
        "keep_best": True,
    }


def _column(feature: dict[str, Any]) -> str:
    return str(feature.get("column") or feature.get("name") or "")


def prepare(draft: Draft) -> None:
    leaves = draft.leaves
    data = leaves.leaf("dataset")
    training = leaves.leaf("training_set")
    for leaf, pointer in (
        (training or data, "/data/dataset"),
        (leaves.leaf("validation_set"), "/data/validation_data"),
    ):
        if leaf is not None and isinstance(leaf.value, str):
            found = named(leaf.value.removeprefix("hf://"), draft.cwd)
            draft.put(pointer, found.name)
            draft.say(
                leaf, "changed" if found.what else "carried", found.what, pointers=(pointer,), effect=found.effect
            )
            if pointer == "/data/validation_data":
                draft.take("val_data", found.name, None)
    inputs, outputs = _features(leaves, "input"), _features(leaves, "output")
    if draft.kind.startswith("tabular"):
        _table_columns(draft, inputs, outputs)
        return
    names = {
        "sft": ("/data/columns/prompt", "/data/columns/completion"),
        "seq2seq": ("/data/columns/source", "/data/columns/target"),
        "text_classification": ("/data/text_columns", "/data/target_columns"),
        "text_regression": ("/data/text_columns", "/data/target_columns"),
        "image_classification": ("/data/columns/image", "/data/columns/label"),
        "image_regression": ("/data/columns/image", "/data/columns/target"),
    }[draft.kind]
    many = draft.kind.startswith("text_")
    for pointer, features, side in ((names[0], inputs, "input"), (names[1], outputs, "output")):
        columns = [_column(feature) for feature in features if _column(feature)]
        if columns:
            draft.put(pointer, columns if many and len(columns) > 1 else columns[0])
        for index, _ in enumerate(features):
            kept = index == 0 or many
            for name in ("name", "column", "type"):
                if leaf := leaves.leaf(f"{side}_features[{index}].{name}"):
                    _feature_said(draft, leaf, kept, pointer, name, side)


def _feature_said(draft: Draft, leaf: Leaf, kept: bool, pointer: str, name: str, side: str) -> None:
    if kept:
        draft.say(leaf, "carried", pointers=("/model/spec/model_type",) if name == "type" else (pointer,))
    else:
        draft.say(
            leaf,
            "no equivalent",
            f"{draft.kind} has one {side}: the first is taken",
            "join the columns in the data",
            effect=True,
        )


def _table_columns(draft: Draft, inputs: list[dict[str, Any]], outputs: list[dict[str, Any]]) -> None:
    lists: dict[str, list[str]] = {}
    for index, feature in enumerate(inputs):
        sort = str(feature.get("type", ""))
        field = {
            "number": "numerical_columns",
            "numerical": "numerical_columns",
            "category": "categorical_columns",
            "binary": "categorical_columns",
            "date": "date_columns",
            "text": "text_columns",
        }.get(sort)
        for name in ("name", "column", "type"):
            leaf = draft.leaves.leaf(f"input_features[{index}].{name}")
            if leaf is None:
                continue
            if field is None:
                draft.say(
                    leaf,
                    "no equivalent",
                    f"columns of the type {sort} are not read in a table",
                    "see data.ignored_columns",
                    effect=True,
                )
            else:
                draft.say(leaf, "carried", pointers=(f"/data/{field}",))
        if field:
            lists.setdefault(field, []).append(_column(feature))
    for field, columns in lists.items():
        draft.put(f"/data/{field}", columns)
    if lists.get("text_columns"):
        draft.put("/data/text", "hash")
    targets = [_column(feature) for feature in outputs]
    if targets:
        draft.put("/data/target_columns", targets[0] if len(targets) == 1 else targets)
    for index, _ in enumerate(outputs):
        for name in ("name", "column", "type"):
            if leaf := draft.leaves.leaf(f"output_features[{index}].{name}"):
                draft.say(leaf, "carried", pointers=("/data/target_columns",))


def finish(draft: Draft) -> None:
    _batch(draft)
    _split(draft)
    if draft.kind.startswith("tabular"):
        learner = draft.get("/model/spec/learner") or {}
        draft.put("/model/spec/learner", {"learner_type": "xgboost", **learner})
        trees = _trees(draft.leaves)
        if draft.value("learning_rate") is not None and trees:
            draft.put("/model/spec/learner/learning_rate", draft.value("learning_rate"))
            draft.carried("learning_rate", "/model/spec/learner/learning_rate")
        elif draft.value("learning_rate") is not None:
            # Of a network: three hundred trees that learn at 0.001 have hardly begun.
            draft.lost("learning_rate", _NETWORKS, _MLP)
        # What all optimizers share would say that a table has none.
        draft.taken.pop("learning_rate", None)
        if draft.value("early") and draft.value("early") > 0 and not trees:
            draft.lost("early", _NETWORKS, _MLP)
        elif draft.value("early") and draft.value("early") > 0:
            draft.put("/model/spec/learner/early_stopping", {"patience": draft.value("early")})
            draft.carried("early", "/model/spec/learner/early_stopping/patience")
        else:
            draft.void("early", "no early end")
        draft.void("encoder", "columns are learned as they are")
        draft.void("trainable", "columns are learned as they are")
    else:
        early = draft.value("early")
        if early is not None and early > 0:
            draft.take("patience", early, draft.taken["early"].leaf)
        else:
            draft.void("early", "no early end")
        _encoder(draft)
    if draft.value("betas"):
        draft.put("/model/spec/optimizer/betas", [float(one) for one in draft.value("betas")])
        draft.carried("betas", "/model/spec/optimizer/betas")
        draft.take("beta1", float(draft.value("betas")[0]), None)
        draft.take("beta2", float(draft.value("betas")[1]), None)
    template = draft.value("prompt_template")
    if template is not None:
        draft.lost(
            "prompt_template",
            "rows become text by a chat template here, and the columns are prompt and answer",
            "write the template as a .jinja file: model.spec.chat.template; or put its text into the rows",
        )
    if draft.value("class_weights") is not None:
        draft.lost("class_weights", "weights of classes are told by their names", "set model.spec.class_weights")


def _batch(draft: Draft) -> None:
    for name, pointer in (("batch", "/batch_size"), ("accumulation", "/model/spec/gradient_accumulation")):
        value = draft.value(name)
        if value is None:
            draft.void(name, "auto: one batch is a step")
            continue
        if draft.kind.startswith("tabular"):
            draft.void(name, "trees are learned from all rows")
            continue
        draft.put(pointer, value)
        draft.carried(name, pointer)


def _split(draft: Draft) -> None:
    sort, shares, column = draft.value("split_type", "random"), draft.value("split_shares"), draft.value("split_column")
    if shares is not None and len(shares) >= 2:
        draft.taken.pop("val_share", None)
        draft.take("val_share", round(shares[1], 9), None)
        test = shares[2] if len(shares) > 2 else 0
        draft.carried(
            "split_shares",
            "/data/validation_split",
            f"a test part is not held out: {test:g} of the rows are trained on" if test else "",
            effect=bool(test),
        )
    if sort == "fixed":
        draft.put("/data/split_column", column or "split")
        draft.taken.pop("val_share", None)
        draft.carried(
            "split_type",
            "/data/split_column",
            "rows whose split is 1 or validation are held out: runner data check shows how its words are read",
        )
        draft.carried("split_column", "/data/split_column")
    elif sort == "datetime" and column:
        draft.put("/data/time_column", column)
        draft.carried("split_type", "/data/time_column")
        draft.carried("split_column", "/data/time_column")
    elif sort == "hash" and column:
        draft.put("/data/group_column", column)
        draft.carried("split_type", "/data/group_column")
        draft.carried("split_column", "/data/group_column")
    else:
        draft.carried("split_type", "/data/validation_split")
        draft.void("split_column", "classes are held out by their shares, where the kind has classes")


def _encoder(draft: Draft) -> None:
    base = "/model/spec/base_model_name"
    encoder = draft.value("encoder")
    known = {
        "bert": "bert-base-uncased",
        "roberta": "roberta-base",
        "distilbert": "distilbert-base-uncased",
        "electra": "google/electra-small-discriminator",
        "albert": "albert-base-v2",
        "deberta": "microsoft/deberta-v3-base",
        "vit": "google/vit-base-patch16-224",
        "resnet": "microsoft/resnet-50",
        "longformer": "allenai/longformer-base-4096",
    }
    if draft.get(base) is None and encoder in known:
        draft.put(base, known[encoder])
        draft.carried("encoder", base, "a model of that family from the Hub")
    elif draft.get(base) is not None:
        draft.carried("encoder", base)
    else:
        draft.lost(
            "encoder",
            f"an encoder {encoder} that begins with random weights is not here",
            f"name a pretrained model: {base}",
        )
    if draft.value("trainable") is False and draft.given("trainable"):
        draft.lost(
            "trainable",
            "the encoder is trained with the rest",
            "train an adapter, or the last layers: model.spec.finetuning_spec",
        )
    else:
        draft.carried("trainable", "/model/spec/finetuning_spec")
    if draft.kind != "sft" and draft.given("trainable") is False and encoder:
        draft.notes.append(
            "an encoder is frozen there by default; here it is trained, unless model.spec.finetuning_spec says "
            "otherwise"
        )


def fits(leaves: Leaves) -> int:
    return 10 if leaves.has("input_features") and leaves.has("output_features") else 0


FORMAT = Format(
    "ludwig",
    "Ludwig",
    kind,
    table,
    fits,
    defaults,
    prepare,
    finish,
    about="Its YAML or JSON, and `ludwig train --config x.yaml --dataset d.csv`.",
    kinds=("sft", "text_classification", "image_classification", "tabular_classification", "tabular_regression"),
)
