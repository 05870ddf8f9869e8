"""A plugin in the style of the hub's documentation: the callback takes keywords and returns {"data", "answer"}.

Fill in the three placeholders, then: plugdeck profiles add NAME --script FILE --from-script
Try it without the hub:               plugdeck test --script FILE PICTURE
"""

import io
import json

import requests
from ango.plugins import ModelPlugin, run
from PIL import Image, ImageOps

HOST = "<YOUR HOST>"
PLUGIN_ID = "<YOUR PLUGIN ID>"
PLUGIN_SECRET = "<YOUR PLUGIN SECRET>"

CLASS_NAME = "Object"


def predict(picture, config):
    """Put your model here. Boxes are in pixels of the upright picture: left, top, width, height."""
    width, height = picture.size
    return [(CLASS_NAME, width * 0.25, height * 0.25, width * 0.5, height * 0.5)]


def run_model(**data):
    logger = data["logger"]
    config = json.loads(data.get("configJSON") or "{}")
    # Model class -> labeling tool, as chosen at the hub; without a mapping the hub goes by the title.
    mapping = {entry["modelClass"]: entry["schemaId"] for entry in data.get("categorySchema") or []}

    reply = requests.get(data["dataURL"], timeout=30)
    reply.raise_for_status()
    picture = ImageOps.exif_transpose(Image.open(io.BytesIO(reply.content))).convert("RGB")

    objects = []
    for name, x, y, width, height in predict(picture, config):
        label = {"schemaId": mapping[name]} if name in mapping else {"title": name}
        objects.append({**label, "bounding-box": {"x": x, "y": y, "width": width, "height": height}})
    logger.info("%d objects", len(objects))
    return {"data": data["dataURL"], "answer": {"objects": objects, "classifications": [], "relations": []}}


if __name__ == "__main__":
    run(ModelPlugin(id=PLUGIN_ID, secret=PLUGIN_SECRET, callback=run_model), host=HOST)
