"""The label ids of everything that is drawn."""

from feedbackward.data.cityscapes_labels import LABELS

_ID = {label.name: label.id for label in LABELS}

WITH_INSTANCES = frozenset(label.id for label in LABELS if label.has_instances)
"""The label ids of classes with instances."""

EGO_VEHICLE = _ID["ego vehicle"]
STATIC = _ID["static"]
ROAD = _ID["road"]
SIDEWALK = _ID["sidewalk"]
BUILDING = _ID["building"]
WALL = _ID["wall"]
FENCE = _ID["fence"]
POLE = _ID["pole"]
TRAFFIC_LIGHT = _ID["traffic light"]
TRAFFIC_SIGN = _ID["traffic sign"]
VEGETATION = _ID["vegetation"]
TERRAIN = _ID["terrain"]
SKY = _ID["sky"]
PERSON = _ID["person"]
RIDER = _ID["rider"]
CAR = _ID["car"]
TRUCK = _ID["truck"]
BUS = _ID["bus"]
MOTORCYCLE = _ID["motorcycle"]
BICYCLE = _ID["bicycle"]
