"""topic: who is told of alarms: an SNS topic that is there, or one of the stack's own and the address it writes to."""

from __future__ import annotations

from daemonset.aws.templates.document import Tagged, given, output, ref, text, when

PARAMETERS = {
    "TopicArn": text(
        "An SNS topic that is told. Empty: one is made.",
        "",
        r"(arn:[a-z-]+:sns:[a-z0-9-]+:[0-9]{12}:[A-Za-z0-9_-]+)?",
        "is empty or a topic's ARN",
    ),
    "Email": text(
        "An address that the new topic writes to. Empty: nobody.", "", r"([^@ ]+@[^@ ]+)?", "is empty or an address"
    ),
}
CONDITIONS = {
    "OwnTopic": Tagged("Equals", [ref("TopicArn"), ""]),
    "Told": Tagged("And", [Tagged("Condition", "OwnTopic"), given("Email")]),
}
RESOURCES = {
    # Not encrypted with aws/sns: CloudWatch may not use that key, and its alarms would reach nobody.
    "Topic": {"Type": "AWS::SNS::Topic", "Condition": "OwnTopic", "Properties": {"DisplayName": "tailrace"}},
    "Subscription": {
        "Type": "AWS::SNS::Subscription",
        "Condition": "Told",
        "Properties": {"TopicArn": ref("Topic"), "Protocol": "email", "Endpoint": ref("Email")},
    },
}
TARGET = when("OwnTopic", ref("Topic"), ref("TopicArn"))
OUTPUTS = {"Topic": output("The topic that is told.", TARGET)}
TELLS = {"AlarmActions": [TARGET], "OKActions": [TARGET]}  # of an alarm
