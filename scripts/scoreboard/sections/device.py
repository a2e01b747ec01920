"""The device tier."""
from frame import NotMeasured, at_most, section
from main_job import golden_errors


@section(6, "device_exactness", "Logits of the OpenCL backend beside the exact ones (bounds as on the CPU)")
def device_exactness(bench):
    if "opencl:0" not in bench.tierscope("devices"):
        raise NotMeasured("no OpenCL device here: scripts/setup.sh installs PoCL")
    for name, error, goal in golden_errors(bench, "--backend", "opencl"):
        yield at_most(name, f"NMSE of {name}", error, goal, "", "tierscope logits FILE.gguf --tokens FILE.tokens --out OUT --backend opencl")
