"""From PyTorch to ONNX with eight-bit weights, which is what ships."""

import tempfile
from pathlib import Path

import torch
from onnxruntime.quantization import QuantType, quantize_dynamic
from torch import Tensor, nn
from transformers import AutoModel

INPUTS = ["ids", "mask", "segments"]
READER_OUTPUTS = ["labels", "points", "speaks", "bears"]
OPSET = 17


class Encoder(nn.Module):
    """all-MiniLM-L6-v2 as it came: the mean of the hidden states, at length one."""

    def __init__(self, weights: Path) -> None:
        super().__init__()
        self.encoder = AutoModel.from_pretrained(str(weights), add_pooling_layer=False)

    def forward(self, ids: Tensor, mask: Tensor, segments: Tensor) -> Tensor:
        """[texts, 384] of ids, mask and segments [texts, tokens]."""
        hidden = self.encoder(input_ids=ids, attention_mask=mask, token_type_ids=segments).last_hidden_state
        kept = mask.unsqueeze(-1).to(hidden.dtype)
        mean = (hidden * kept).sum(1) / kept.sum(1)
        return nn.functional.normalize(mean, dim=-1)


def export(module: nn.Module, outputs: list[str], path: Path) -> None:
    """Write the module as ONNX with dynamic batch and length and int8 weights."""
    sample = torch.ones(2, 8, dtype=torch.long)
    axes = {name: {0: "rows", 1: "tokens"} for name in INPUTS}
    axes |= {name: {0: "rows"} for name in outputs}
    for name in ("labels", "points"):
        if name in outputs:
            axes[name] = {0: "rows", 1: "tokens"}
    module.eval()
    with tempfile.TemporaryDirectory() as folder:
        whole = Path(folder) / "whole.onnx"
        torch.onnx.export(
            module,
            (sample, sample, torch.zeros_like(sample)),
            str(whole),
            input_names=INPUTS,
            output_names=outputs,
            dynamic_axes=axes,
            opset_version=OPSET,
            dynamo=False,
        )
        quantize_dynamic(str(whole), str(path), weight_type=QuantType.QInt8, per_channel=True)
