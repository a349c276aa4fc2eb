"""Networks as graphs: programs of torch.export, and ONNX with a search in numpy."""
