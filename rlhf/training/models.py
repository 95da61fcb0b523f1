"""One quantised base in memory, LoRA adapters by role, fp32 heads: with adapters.py the only one that knows peft.

Each rule here stands against a measured trap of peft 0.21: `set_adapter` silently freezes every other adapter, and
leaving `disable_adapter` re-enables the gradients of the active one only. So a forward and its backward belong inside
one `role(...)`, and requires_grad is put back for every trained role each time the role changes.
"""

import logging
import warnings
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, NewType, get_args

import bitsandbytes as bnb
import torch
from peft import LoraConfig, get_peft_model
from peft.tuners.lora import LoraLayer
from safetensors.torch import save_file
from torch import nn
from trl.trainer.utils import entropy_from_logits, selective_log_softmax

from rlhf.settings import Quantization
from rlhf.training import adapters, fingerprint, loading, saved
from rlhf.training.chat import Chat, Sequences
from store.errors import PlatformError, WorkError

log = logging.getLogger(__name__)

Role = Literal["policy", "reference", "value", "reward", "base"]
Version = NewType("Version", str)
"""The name of an adapter beside the roles, such as `version-3`: it is read and spoken with, and never trained."""
Voice = Role | Version
"""Whoever speaks: a role, or a version that was loaded under a name of its own."""
HEADED = ("value", "reward")
"""The roles with a head."""


class RoleModel:
    """A chat model with four roles on one base: policy, reference, value and reward.

    `reference` is the frozen copy of the adapter that the policy started from (which is the bare base when it
    started fresh), `base` is the model without any adapter. `value` and `reward` have an fp32 head each, fed from
    the last hidden state.
    """

    def __init__(
        self,
        base_model: str,
        *,
        quantization: Quantization = "nf4",
        rank: int = 16,
        alpha: int | None = None,
        targets: str = adapters.EVERYWHERE,
        seed: int = 0,
    ) -> None:
        self.base_model, self.quantization, self._seed = base_model, quantization, seed
        self.chat = Chat(base_model)
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        base = loading.load_base(base_model, quantization, self.device)
        loading.check_tokens(base_model, base, self.chat.tokenizer)
        self._lora = adapters.lora(base, rank=rank, alpha=alpha, targets=targets)
        # Any: PeftModel forwards unknown names to what it wraps, which no type checker can follow.
        with warnings.catch_warnings():
            # peft 0.21 asks transformers 5.23 for a property by its old name.
            warnings.filterwarnings("ignore", "`is_gradient_checkpointing`", FutureWarning)
            with self._drawing("policy"):
                self.peft: Any = get_peft_model(base, self._lora, adapter_name="policy")
        self.heads: Any = nn.ModuleDict().to(self.device)
        self._adapters: set[str] = {"policy"}
        self.train_roles()

    def restart(self, seed: int) -> None:
        """Bring the model back to the state of a fresh load with this seed, without reading the base again.

        All adapters and heads are dropped but for a fresh policy; nothing is trained and nothing is drawn by habit.
        """
        self._seed = seed
        self.heads.clear()
        self.peft.base_model.set_adapter("policy")  # the last to go: peft warns when it has to choose another one
        for adapter in sorted(self.peft.peft_config, key="policy".__eq__):
            self.peft.delete_adapter(adapter)
        self._adapters.clear()
        self._add("policy")
        with self.role("policy"):
            self.train_roles()
        loading.without_habits(self.base)

    @property
    def base(self) -> Any:
        """The transformers model under the adapters."""
        return self.peft.get_base_model()

    @cached_property
    def fingerprint(self) -> fingerprint.Fingerprint:
        """What the base, its tokenizer and its template are, kept with every adapter."""
        return fingerprint.fingerprint(self.chat, self.base_model)

    # --- roles -------------------------------------------------------------------------------------------------

    @contextmanager
    def role(self, role: Voice) -> Iterator[None]:
        """Forwards and their backwards inside this scope go through the adapter of a role or a version."""
        if role == "base":
            self.peft.base_model.disable_adapter_layers()
        elif role not in self._adapters:
            raise WorkError(f"The role {role} has no adapter: {sorted(self._adapters)} have.")
        else:
            self.peft.base_model.enable_adapter_layers()
            self.peft.base_model.set_adapter(role)
        self._restore_gradients()
        yield

    def has(self, role: Voice) -> bool:
        """Whether a role or a version has an adapter in memory."""
        return role in self._adapters

    def train_roles(self, *roles: Role) -> None:
        """Let the gradients of just these roles flow, and put modules in train mode (every dropout is 0)."""
        self._trained = set(roles)
        self.peft.train(bool(roles))
        self._restore_gradients()

    def parameters(self, role: Voice) -> list[nn.Parameter]:
        """The weights that belong to a role or a version: its adapter and its head."""
        found = [p for name, p in self.peft.named_parameters() if f".{role}." in name]
        if role in self.heads:
            found += list(self.heads[role].parameters())
        return found

    def _restore_gradients(self) -> None:
        for name in self._adapters:
            self.peft.base_model.set_requires_grad(name, name in self._trained)
        for name, head in self.heads.items():
            head.requires_grad_(name in self._trained)

    # --- adapters and heads --------------------------------------------------------------------------------------

    def fresh(self, role: Role) -> None:
        """A new adapter that changes nothing yet (its B is zero), with a zero head for value and reward."""
        self.drop(role)
        self._add(role)

    def drop(self, role: Voice) -> None:
        """Forget the adapter and the head of a role or a version, where it has them."""
        if role in self._adapters:
            self.peft.base_model.set_adapter("policy")  # peft warns when the active adapter is deleted
            self.peft.delete_adapter(role)
            self._adapters.remove(role)
        if role in self.heads:
            del self.heads[role]

    def copy(self, source: Role, target: Role) -> None:
        """Start a role from another one's adapter and head."""
        self._add(target)
        for layer in self._layers():
            layer.lora_A[target].weight.data.copy_(layer.lora_A[source].weight.data)
            layer.lora_B[target].weight.data.copy_(layer.lora_B[source].weight.data)
        if source in self.heads and target in self.heads:
            self.heads[target].load_state_dict(self.heads[source].state_dict())

    def save(self, role: Role, folder: Path) -> None:
        """Write a role as a peft adapter folder, with what its base is, and `head.safetensors` where it has one."""
        adapters.save(self.peft, role, folder, self.base_model)
        fingerprint.write(folder, self.fingerprint, self.base_model)
        if role in self.heads:
            save_file(self.heads[role].state_dict(), folder / saved.HEAD)

    def load(self, role: Voice, folder: Path) -> None:
        """Read a role, or a version to speak with, from a folder; a version may have a shape of its own.

        Raises BadInput for an adapter of another base, for a role's of another rank, alpha or targets than all roles
        have, Damaged for one whose files are not as they were written or hold NaN; the model is then as before, but
        for a version of this name, which is dropped.
        """
        found = adapters.lora_in(folder)
        if role not in get_args(Role):
            self._load_version(role, folder, found)
            return
        adapters.check_alike(folder, found, self._lora)
        # All roles have weights of the same names and shapes.
        weights = saved.adapter(folder, adapters.shapes(self.peft, "policy"), self.device)
        width = loading.hidden_width(self.base)
        head = saved.head(folder, width, self.device) if role in HEADED else None
        self._check_base(folder)
        self._add(role)
        adapters.fill(self.peft, role, weights)
        if head is not None:
            self.heads[role].load_state_dict(head)

    def _load_version(self, version: Voice, folder: Path, lora: LoraConfig) -> None:
        self._check_base(folder)
        self.drop(version)  # what was there may have another shape
        self._add(version, lora)
        try:
            weights = saved.adapter(folder, adapters.shapes(self.peft, version), self.device)
        except PlatformError:
            self.drop(version)
            raise
        adapters.fill(self.peft, version, weights)

    def _check_base(self, folder: Path) -> None:
        if not fingerprint.check(folder, self.fingerprint, self.base_model):
            log.warning(
                "%s does not say which base it was trained on: it is taken to be %s.", folder, self.base_model
            )

    @contextmanager
    def _drawing(self, role: Voice) -> Iterator[None]:
        """peft draws an adapter's A from torch's global generator: here from the model's seed and the role's own."""
        with torch.random.fork_rng():
            torch.manual_seed(zlib.crc32(f"{self._seed} {role}".encode()))
            yield

    def _add(self, role: Voice, lora: LoraConfig | None = None) -> None:
        if role not in self._adapters:
            with self._drawing(role):
                self.peft.add_adapter(role, lora or self._lora)
            self._adapters.add(role)
        if role in HEADED:
            head = nn.Linear(loading.hidden_width(self.base), 1, dtype=torch.float32)
            nn.init.zeros_(head.weight)
            nn.init.zeros_(head.bias)
            self.heads[role] = head.to(self.device)
        self._restore_gradients()

    def _layers(self) -> list[Any]:
        return [module for module in self.peft.modules() if isinstance(module, LoraLayer)]

    # --- what the roles compute ------------------------------------------------------------------------------------

    def logprobs(self, seq: Sequences, temperature: float = 1.0) -> tuple[torch.Tensor, torch.Tensor]:
        """Log-probability and entropy of each response token under the active role, both (B, R), in nats.

        Logits are made at response positions only; `temperature` divides them, as it did when sampling.
        """
        width = seq.response_ids.shape[1]
        out = self.peft(
            input_ids=seq.input_ids,
            attention_mask=seq.attention_mask.long(),
            position_ids=seq.position_ids,
            logits_to_keep=width + 1,
            use_cache=False,
        )
        logits = out.logits[:, :-1].float()  # (B, R, V): position t predicts token t + 1
        logprobs = selective_log_softmax(logits, seq.response_ids, temperature=temperature)
        with torch.no_grad():
            entropy = entropy_from_logits(logits / temperature, chunk_size=1024)
        return logprobs, entropy

    def hidden(self, seq: Sequences) -> torch.Tensor:
        """Last hidden states of the active role, (B, P + R, H)."""
        backbone = self.base.base_model
        out = backbone(
            input_ids=seq.input_ids,
            attention_mask=seq.attention_mask.long(),
            position_ids=seq.position_ids,
            use_cache=False,
        )
        states: torch.Tensor = out.last_hidden_state
        return states

    def values(self, seq: Sequences) -> torch.Tensor:
        """The value head before each response token, (B, R); call inside role("value")."""
        width = seq.response_ids.shape[1]
        states = self.hidden(seq)[:, -width - 1 : -1]
        values: torch.Tensor = self.heads["value"](states.float()).squeeze(-1)
        return values

    def scores(self, seq: Sequences) -> torch.Tensor:
        """The reward head at the true last token, (B,), not normalised; call inside role("reward")."""
        scores: torch.Tensor = self.heads["reward"](self.last_state(seq)).squeeze(-1)
        return scores

    def last_state(self, seq: Sequences) -> torch.Tensor:
        """The hidden state at the true last token, (B, H), in fp32."""
        last = seq.prompt_ids.shape[1] + seq.lengths - 1
        return self.hidden(seq)[torch.arange(len(last)), last].float()

    def to_device(self, seq: Sequences) -> Sequences:
        """The batch where the model is."""
        return Sequences(
            *(t.to(self.device) for t in (seq.prompt_ids, seq.prompt_mask, seq.response_ids, seq.response_mask))
        )

    def optimizer(self, groups: Sequence[tuple[Role, float]], eps: float = 1e-8) -> torch.optim.Optimizer:
        """8-bit AdamW over (role, learning rate) groups, paged on a GPU (Dettmers et al. 2023, section 3)."""
        # On the CPU there is nothing to page out of, and the paged class warns of that at its first step.
        kind = bnb.optim.PagedAdamW8bit if self.device.type == "cuda" else bnb.optim.AdamW8bit
        params = [{"params": self.parameters(role), "lr": lr} for role, lr in groups]
        return kind(params, eps=eps, weight_decay=0.0)
