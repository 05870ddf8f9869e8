"""Models on servers that speak the Open Inference Protocol (KServe v2) over HTTP."""
