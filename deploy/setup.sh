#!/usr/bin/env bash
# Makes the job, what starts it after each deployment and every morning, and their accounts, each with the least it needs.
# It may be run again, after a change too: what is there is updated.
#   PROJECT=my-project REGION=europe-west1 SERVICES="shop-api shop-web" IMAGE=…/runverdict@sha256:… deploy/setup.sh
set -euo pipefail
: "${PROJECT:?the project}" "${REGION:?the region of the services}" "${SERVICES:?the services to judge}"
: "${IMAGE:?the image by its digest, …/runverdict@sha256:…}"
refuse() { echo "setup.sh: $*" >&2; exit 2; }
[[ $PROJECT =~ ^[a-z][a-z0-9-]{4,28}[a-z0-9]$ ]] || refuse "PROJECT is no project's id: $PROJECT"
[[ $REGION =~ ^[a-z]+-[a-z]+[0-9]+$ ]] || refuse "REGION is no region: $REGION"
[[ $IMAGE =~ ^[a-z0-9./_-]+@sha256:[0-9a-f]{64}$ ]] || refuse "IMAGE has no digest (docker push prints it): $IMAGE"
for service in $SERVICES; do
  [[ $service =~ ^[a-z]([a-z0-9-]{0,47}[a-z0-9])?$ ]] || refuse "SERVICES holds what is no service: $service"
done
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export CLOUDSDK_CORE_PROJECT=$PROJECT CLOUDSDK_CORE_DISABLE_PROMPTS=1
bucket=gs://$PROJECT-runverdict
job="serviceAccount:runverdict@$PROJECT.iam.gserviceaccount.com"
start="serviceAccount:runverdict-start@$PROJECT.iam.gserviceaccount.com"

# Whether something is there; an error that is another than NOT_FOUND ends the script.
exists() {
  local said
  if said=$("$@" 2>&1 > /dev/null); then return 0; fi
  grep -qiE 'NOT_FOUND|not found|does not exist|unknown service account|404' <<< "$said" && return 1
  refuse "$* failed: $said"
}
# Accounts and roles are known everywhere some seconds after they were made.
again() {
  local try
  for try in 1 2 3 4 5 6; do
    "$@" > /dev/null && return 0
    [ "$try" = 6 ] || sleep "${RETRY_S:-10}"
  done
  refuse "$* failed six times"
}

gcloud services enable run.googleapis.com logging.googleapis.com monitoring.googleapis.com storage.googleapis.com \
  artifactregistry.googleapis.com eventarc.googleapis.com pubsub.googleapis.com workflows.googleapis.com \
  workflowexecutions.googleapis.com cloudscheduler.googleapis.com

for account in runverdict runverdict-start; do
  exists gcloud iam service-accounts describe "$account@$PROJECT.iam.gserviceaccount.com" \
    || gcloud iam service-accounts create "$account"
done
exists gcloud storage buckets describe "$bucket" \
  || gcloud storage buckets create "$bucket" --location="$REGION" --uniform-bucket-level-access --public-access-prevention

# The job reads logs, counts of requests and Cloud Run's configuration, and writes reports and history once.
for role in logging.viewer monitoring.viewer run.viewer; do
  again gcloud projects add-iam-policy-binding "$PROJECT" --member="$job" --role="roles/$role" --condition=None
done
for role in storage.objectViewer storage.objectCreator; do
  again gcloud storage buckets add-iam-policy-binding "$bucket" --member="$job" --role="roles/$role"
done
sed -e "s|PROJECT_ID|$PROJECT|g" -e "s|IMAGE|$IMAGE|g" "$here/job.yaml" > "$work/job.yaml"
gcloud run jobs replace "$work/job.yaml" --region="$REGION"

# What starts it may start this job, with the service's name, and is told of deployments.
again gcloud run jobs add-iam-policy-binding runverdict --region="$REGION" --member="$start" \
  --role=roles/run.jobsExecutorWithOverrides
for role in workflows.invoker logging.logWriter; do
  again gcloud projects add-iam-policy-binding "$PROJECT" --member="$start" --role="roles/$role" --condition=None
done

# One sink for all ways to deploy (gcloud, console, Terraform, functions; a first deploy and an update), one topic, one
# trigger. The workflow starts the job for the service that the entry names.
exists gcloud pubsub topics describe runverdict || gcloud pubsub topics create runverdict
names=$(for service in $SERVICES; do printf '%s|' "$service"; done)
filter="logName=\"projects/$PROJECT/logs/cloudaudit.googleapis.com%2Factivity\"
protoPayload.methodName=~\"(Services[.](Create|Replace|Update)Service|FunctionService[.](Create|Update)Function)\$\"
protoPayload.resourceName=~\"/(services|functions)/(${names%|})\$\"
NOT protoPayload.status.code>0"
destination=pubsub.googleapis.com/projects/$PROJECT/topics/runverdict
if exists gcloud logging sinks describe runverdict; then
  gcloud logging sinks update runverdict "$destination" --log-filter="$filter"
else
  gcloud logging sinks create runverdict "$destination" --log-filter="$filter"
fi
writer=$(gcloud logging sinks describe runverdict --format="value(writerIdentity)")
again gcloud pubsub topics add-iam-policy-binding runverdict --member="$writer" --role=roles/pubsub.publisher
sed -e "s|PROJECT_ID|$PROJECT|g" -e "s|REGION|$REGION|g" "$here/workflow.yaml" > "$work/workflow.yaml"
again gcloud workflows deploy runverdict --location="$REGION" --source="$work/workflow.yaml" \
  --service-account="runverdict-start@$PROJECT.iam.gserviceaccount.com"
trigger=(--location="$REGION" --destination-workflow=runverdict --destination-workflow-location="$REGION"
  --event-filters=type=google.cloud.pubsub.topic.v1.messagePublished
  --service-account="runverdict-start@$PROJECT.iam.gserviceaccount.com")
if exists gcloud eventarc triggers describe runverdict --location="$REGION"; then
  again gcloud eventarc triggers update runverdict "${trigger[@]}"
else
  again gcloud eventarc triggers create runverdict "${trigger[@]}" --transport-topic="projects/$PROJECT/topics/runverdict"
fi

# And every morning the day before, deployment or not.
for service in $SERVICES; do
  verb=create
  exists gcloud scheduler jobs describe "runverdict-$service" --location="$REGION" && verb=update
  args=$(sed -n 's|^ *- \(--out=.*\)|\1|p; s|^ *- \(--history=.*\)|\1|p' "$work/job.yaml" | sed 's|.*|,"&"|' | tr -d '\n')
  gcloud scheduler jobs "$verb" http "runverdict-$service" --location="$REGION" --schedule="0 7 * * *" \
    --uri="https://run.googleapis.com/v2/projects/$PROJECT/locations/$REGION/jobs/runverdict:run" --http-method=POST \
    --message-body="{\"overrides\":{\"containerOverrides\":[{\"args\":[\"check\",\"logging://$PROJECT\",\"--service=$service\",\"--since=24h\"$args]}]}}" \
    --oauth-service-account-email="runverdict-start@$PROJECT.iam.gserviceaccount.com"
done
