"""A plugin around a detector of torchvision (pip install torch torchvision).

Fill in the three placeholders, then: plugdeck profiles add NAME --script FILE --from-script --python INTERPRETER
Try it without the hub:               plugdeck test --script FILE PICTURE --python INTERPRETER
"""

import io
import json

import requests
import torch
from imerit_ango.models.annotate import AnnotationPayload, Answer
from imerit_ango.plugins import ModelPlugin, run
from PIL import Image, ImageOps
from torchvision.models.detection import FasterRCNN_ResNet50_FPN_V2_Weights, fasterrcnn_resnet50_fpn_v2
from torchvision.transforms.functional import to_tensor

HOST = "<YOUR HOST>"
PLUGIN_ID = "<YOUR PLUGIN ID>"
PLUGIN_SECRET = "<YOUR PLUGIN SECRET>"

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
WEIGHTS = FasterRCNN_ResNet50_FPN_V2_Weights.DEFAULT
NAMES = WEIGHTS.meta["categories"]

# Your own weights: fasterrcnn_resnet50_fpn_v2(num_classes=…), then load_state_dict(torch.load("weights.pt")).
model = fasterrcnn_resnet50_fpn_v2(weights=WEIGHTS).eval().to(DEVICE)


def predict(picture, config):
    """Name, confidence and box (left, top, right, bottom in pixels) of every object in the picture."""
    with torch.inference_mode():
        found = model([to_tensor(picture).to(DEVICE)])[0]
    for box, label, score in zip(found["boxes"].tolist(), found["labels"].tolist(), found["scores"].tolist()):
        if score >= config.get("confidence", 0.5):
            yield NAMES[label], score, box


def annotate(data):
    logger = data["logger"]
    config = json.loads(data.get("configJSON") or "{}")
    # Model class -> labeling tool, as chosen at the hub; without a mapping the hub goes by the title.
    mapping = {entry["modelClass"]: entry["schemaId"] for entry in data.get("categorySchema") or []}

    reply = requests.get(data["dataURL"], timeout=30)
    reply.raise_for_status()
    picture = ImageOps.exif_transpose(Image.open(io.BytesIO(reply.content))).convert("RGB")

    objects, unmapped = [], 0
    for name, score, (left, top, right, bottom) in predict(picture, config):
        if mapping and name not in mapping:
            unmapped += 1
            continue
        label = {"schemaId": mapping[name]} if mapping else {"title": name}
        box = {"x": left, "y": top, "width": right - left, "height": bottom - top}
        objects.append({**label, "bounding-box": box, "metadata": {"confidence": score}})
    logger.info("%d objects, %d of classes that are not mapped", len(objects), unmapped)
    return AnnotationPayload(answer=Answer(objects=objects, classifications=[], relations=[]))


if __name__ == "__main__":
    run(ModelPlugin(id=PLUGIN_ID, secret=PLUGIN_SECRET, callback=annotate), host=HOST)
