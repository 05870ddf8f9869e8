"""What only the bundled interpreter runs: ONNX models. Started as a process of its own, never imported by the host."""
