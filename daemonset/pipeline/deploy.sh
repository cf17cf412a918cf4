#!/bin/sh
# The chart into one cluster, with the image that push.sh wrote down, by its digest. A release whose pods do not become
# ready within half an hour is undone, and the pipeline stops.
#
#     CLUSTER=dev VALUES=daemonset/chart/values-dev.yaml daemonset/pipeline/deploy.sh
#
# RELEASED, with COMMIT: the image gets this and the commit as a tag once it runs, which keeps it (the lifecycle policy).
set -eu
cd "$(dirname "$0")/../.."
. daemonset/pipeline/image.env
name=${REPOSITORY#*/}
# An artifact does not keep who may run a file.
[ ! -e parts/bin/helm ] || chmod +x parts/bin/helm
PATH=$PWD/parts/bin:$PATH

aws eks update-kubeconfig --name "$CLUSTER"
helm upgrade --install tailrace daemonset/chart --namespace tailrace --values "$VALUES" \
    --set "image.repository=$REPOSITORY" --set "image.digest=$DIGEST" --atomic --wait --timeout 30m

[ -n "${RELEASED:-}" ] || exit 0
tag=$RELEASED$COMMIT
if aws ecr describe-images --repository-name "$name" --image-ids "imageTag=$tag" >/dev/null 2>&1; then
    echo "deploy: $name:$tag is there" >&2
    exit 0
fi
manifest=$(aws ecr batch-get-image --repository-name "$name" --image-ids "imageDigest=$DIGEST" \
    --query 'images[0].imageManifest' --output text)
aws ecr put-image --repository-name "$name" --image-tag "$tag" --image-digest "$DIGEST" --image-manifest "$manifest" \
    --query image.imageId.imageTag --output text
