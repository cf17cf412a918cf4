#!/bin/sh
# The image of a commit into ECR: built, pushed under the commit, scanned. Its digest goes to daemonset/pipeline/image.env.
#
#     REPOSITORY=ACCOUNT.dkr.ecr.REGION.amazonaws.com/tailrace COMMIT=… daemonset/pipeline/push.sh
#
# PYTHON_IMAGE: another base than the Dockerfile's, by its digest or from your own mirror. PATIENCE: seconds between two
# looks at the scan.
set -eu
cd "$(dirname "$0")/../.."
name=${REPOSITORY#*/}

digest() {
    aws ecr describe-images --repository-name "$name" --image-ids "imageTag=$COMMIT" \
        --query 'imageDetails[0].imageDigest' --output text
}

scan() {
    aws ecr describe-image-scan-findings --repository-name "$name" --image-id "imageDigest=$found" \
        --query "$1" --output text
}

# A tag is given once (the repository's are immutable): a build that is started again takes what the first one pushed.
if found=$(digest 2>/dev/null); then
    echo "push: $name:$COMMIT is there" >&2
else
    aws ecr get-login-password | docker login --username AWS --password-stdin "${REPOSITORY%%/*}"
    docker build --file daemonset/Dockerfile --tag "$REPOSITORY:$COMMIT" \
        ${PYTHON_IMAGE:+--build-arg "PYTHON_IMAGE=$PYTHON_IMAGE"} .
    docker push --quiet "$REPOSITORY:$COMMIT"
    found=$(digest)
fi

# COMPLETE is said by ECR's own scan, ACTIVE by Inspector's. For the first seconds there is no scan to ask about.
left=60
until case $(scan imageScanStatus.status 2>/dev/null || true) in COMPLETE | ACTIVE) true ;; *) false ;; esac do
    left=$((left - 1))
    if [ "$left" -eq 0 ]; then
        echo "push: the scan of $name@$found did not end well, so it is not rolled out; look at:" \
            "aws ecr describe-image-scan-findings --repository-name $name --image-id imageDigest=$found" >&2
        exit 1
    fi
    sleep "${PATIENCE:-5}"
done
critical=$(scan imageScanFindings.findingSeverityCounts.CRITICAL)
if [ "$critical" != None ] && [ "$critical" != 0 ]; then
    echo "push: the scan found $critical critical vulnerabilities in $name@$found, so it is not rolled out; a newer base" \
        "(the stack's parameter PythonImage) mends most, and they are listed by:" \
        "aws ecr describe-image-scan-findings --repository-name $name --image-id imageDigest=$found" >&2
    exit 1
fi
printf 'REPOSITORY=%s\nDIGEST=%s\n' "$REPOSITORY" "$found" >daemonset/pipeline/image.env
