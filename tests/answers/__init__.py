"""answers: the one small lake whose answers are known. Scenes in, told as a person would; the real agents write the
lake that `tailrace query` is asked about, on every engine.

    scene.py        what a scene is made of
    scenes/         one module a topic, with SCENE and why the answers are what they are
    bodies.py       pods and events as the API server has them
    nodes.py        lines: CRI files in a node's folder, read by the log agent
    cluster.py      events and states: the cluster agent's feed and pipeline
    looks.py        samples: the lake writer of metrics
    lake.py         all of them, once a session
"""
