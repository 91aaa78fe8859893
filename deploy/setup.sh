#!/usr/bin/env bash
# Makes the job, its two triggers and their accounts, each with the least it needs. It may be run again.
#   PROJECT=my-project REGION=europe-west1 SERVICE=shop-api deploy/setup.sh
set -euo pipefail
: "${PROJECT:?the project}" "${REGION:?the region of the service}" "${SERVICE:?the service to judge}"
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for file in job workflow; do
  sed -e "s/PROJECT_ID/$PROJECT/g" -e "s/REGION/$REGION/g" -e "s/SERVICE/$SERVICE/g" "$here/$file.yaml" > "$work/$file.yaml"
done
export CLOUDSDK_CORE_PROJECT=$PROJECT CLOUDSDK_CORE_DISABLE_PROMPTS=1
email() { echo "$1@$PROJECT.iam.gserviceaccount.com"; }

for account in runverdict runverdict-start; do
  gcloud iam service-accounts describe "$(email $account)" > /dev/null 2>&1 \
    || gcloud iam service-accounts create "$account"
done
gcloud storage buckets describe "gs://$PROJECT-runverdict" > /dev/null 2>&1 \
  || gcloud storage buckets create "gs://$PROJECT-runverdict" --location="$REGION" --uniform-bucket-level-access

# The job reads logs, and writes reports. (_Default needs no more; private logs are never read.)
gcloud projects add-iam-policy-binding "$PROJECT" --member="serviceAccount:$(email runverdict)" \
  --role=roles/logging.viewer --condition=None
gcloud storage buckets add-iam-policy-binding "gs://$PROJECT-runverdict" \
  --member="serviceAccount:$(email runverdict)" --role=roles/storage.objectUser
gcloud run jobs replace "$work/job.yaml" --region="$REGION"

# What starts it may start it, and nothing else of Cloud Run.
gcloud run jobs add-iam-policy-binding runverdict --region="$REGION" \
  --member="serviceAccount:$(email runverdict-start)" --role=roles/run.invoker
gcloud projects add-iam-policy-binding "$PROJECT" --member="serviceAccount:$(email runverdict-start)" \
  --role=roles/eventarc.eventReceiver --condition=None
gcloud projects add-iam-policy-binding "$PROJECT" --member="serviceAccount:$(email runverdict-start)" \
  --role=roles/workflows.invoker --condition=None

# After each deployment of the service by gcloud; one by Terraform or the console is
# google.cloud.run.v2.Services.UpdateService of projects/PROJECT/locations/REGION/services/SERVICE.
gcloud workflows deploy runverdict --location="$REGION" --source="$work/workflow.yaml" \
  --service-account="$(email runverdict-start)"
gcloud eventarc triggers describe runverdict --location="$REGION" > /dev/null 2>&1 \
  || gcloud eventarc triggers create runverdict --location="$REGION" \
    --destination-workflow=runverdict --destination-workflow-location="$REGION" \
    --event-filters=type=google.cloud.audit.log.v1.written \
    --event-filters=serviceName=run.googleapis.com \
    --event-filters=methodName=google.cloud.run.v1.Services.ReplaceService \
    --event-filters="resourceName=namespaces/$PROJECT/services/$SERVICE" \
    --service-account="$(email runverdict-start)"

# And every morning.
gcloud scheduler jobs describe runverdict --location="$REGION" > /dev/null 2>&1 \
  || gcloud scheduler jobs create http runverdict --location="$REGION" --schedule="0 7 * * *" \
    --uri="https://run.googleapis.com/v2/projects/$PROJECT/locations/$REGION/jobs/runverdict:run" \
    --http-method=POST --oauth-service-account-email="$(email runverdict-start)"
