"""Any vision ONNX file: told apart, run, decoded into instances of the upright asset."""
