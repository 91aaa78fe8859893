# What setup.sh makes, for Terraform: the job, what starts it after each deployment and every morning, their accounts.
#
#   module "runverdict" {
#     source   = "./deploy/terraform"
#     project  = "my-project"
#     region   = "europe-west1"
#     services = ["shop-api", "shop-web"]
#     image    = "europe-west1-docker.pkg.dev/my-project/tools/runverdict@sha256:…"
#   }

terraform {
  required_version = ">= 1.5"
  required_providers {
    google = {
      source  = "hashicorp/google"
      version = ">= 6.0"
    }
  }
}

variable "project" { type = string }

variable "region" { type = string }

variable "services" {
  type        = set(string)
  description = "The services to judge."
}

variable "image" {
  type        = string
  description = "The image by its digest."
  validation {
    condition     = can(regex("@sha256:[0-9a-f]{64}$", var.image))
    error_message = "Name the image by its digest: …/runverdict@sha256:…"
  }
}

locals {
  apis = [
    "run", "logging", "monitoring", "storage", "artifactregistry", "eventarc", "pubsub", "workflows",
    "workflowexecutions", "cloudscheduler",
  ]
  reads   = ["roles/logging.viewer", "roles/monitoring.viewer", "roles/run.viewer"]
  writes  = ["roles/storage.objectViewer", "roles/storage.objectCreator"]
  starts  = ["roles/workflows.invoker", "roles/logging.logWriter"]
  results = ["--out=gs://${var.project}-runverdict/reports", "--history=gs://${var.project}-runverdict/history"]
}

resource "google_project_service" "apis" {
  for_each           = toset(local.apis)
  project            = var.project
  service            = "${each.value}.googleapis.com"
  disable_on_destroy = false
}

resource "google_service_account" "job" {
  project    = var.project
  account_id = "runverdict"
}

resource "google_service_account" "start" {
  project    = var.project
  account_id = "runverdict-start"
}

resource "google_storage_bucket" "results" {
  project                     = var.project
  name                        = "${var.project}-runverdict"
  location                    = var.region
  uniform_bucket_level_access = true
  public_access_prevention    = "enforced"
}

resource "google_project_iam_member" "reads" {
  for_each = toset(local.reads)
  project  = var.project
  role     = each.value
  member   = google_service_account.job.member
}

resource "google_storage_bucket_iam_member" "writes" {
  for_each = toset(local.writes)
  bucket   = google_storage_bucket.results.name
  role     = each.value
  member   = google_service_account.job.member
}

resource "google_cloud_run_v2_job" "runverdict" {
  project             = var.project
  name                = "runverdict"
  location            = var.region
  deletion_protection = false
  depends_on          = [google_project_service.apis]
  template {
    task_count = 1
    template {
      service_account = google_service_account.job.email
      max_retries     = 0
      timeout         = "7200s"
      containers {
        image = var.image
        args  = concat(["check", "logging://${var.project}", "--since=deploy", "--for=15m"], local.results)
        resources {
          limits = { cpu = "1", memory = "4Gi" }
        }
      }
    }
  }
}

resource "google_cloud_run_v2_job_iam_member" "starts" {
  project  = var.project
  location = var.region
  name     = google_cloud_run_v2_job.runverdict.name
  role     = "roles/run.jobsExecutorWithOverrides"
  member   = google_service_account.start.member
}

resource "google_project_iam_member" "starts" {
  for_each = toset(local.starts)
  project  = var.project
  role     = each.value
  member   = google_service_account.start.member
}

resource "google_pubsub_topic" "deployments" {
  project    = var.project
  name       = "runverdict"
  depends_on = [google_project_service.apis]
}

resource "google_logging_project_sink" "deployments" {
  project                = var.project
  name                   = "runverdict"
  destination            = "pubsub.googleapis.com/${google_pubsub_topic.deployments.id}"
  unique_writer_identity = true
  filter                 = <<-EOT
    logName="projects/${var.project}/logs/cloudaudit.googleapis.com%2Factivity"
    protoPayload.methodName=~"(Services[.](Create|Replace|Update)Service|FunctionService[.](Create|Update)Function)$"
    protoPayload.resourceName=~"/(services|functions)/(${join("|", sort(var.services))})$"
    NOT protoPayload.status.code>0
  EOT
}

resource "google_pubsub_topic_iam_member" "deployments" {
  project = var.project
  topic   = google_pubsub_topic.deployments.name
  role    = "roles/pubsub.publisher"
  member  = google_logging_project_sink.deployments.writer_identity
}

resource "google_workflows_workflow" "start" {
  project             = var.project
  name                = "runverdict"
  region              = var.region
  service_account     = google_service_account.start.email
  deletion_protection = false
  source_contents = replace(
    replace(file("${path.module}/../workflow.yaml"), "PROJECT_ID", var.project), "REGION", var.region
  )
  depends_on = [google_project_service.apis]
}

resource "google_eventarc_trigger" "deployments" {
  project         = var.project
  name            = "runverdict"
  location        = var.region
  service_account = google_service_account.start.email
  matching_criteria {
    attribute = "type"
    value     = "google.cloud.pubsub.topic.v1.messagePublished"
  }
  transport {
    pubsub {
      topic = google_pubsub_topic.deployments.id
    }
  }
  destination {
    workflow = google_workflows_workflow.start.id
  }
  depends_on = [google_project_iam_member.starts]
}

resource "google_cloud_scheduler_job" "morning" {
  for_each = var.services
  project  = var.project
  region   = var.region
  name     = "runverdict-${each.value}"
  schedule = "0 7 * * *"
  http_target {
    http_method = "POST"
    uri         = "https://run.googleapis.com/v2/${google_cloud_run_v2_job.runverdict.id}:run"
    body = base64encode(jsonencode({
      overrides = { containerOverrides = [{
        args = concat(["check", "logging://${var.project}", "--service=${each.value}", "--since=24h"], local.results)
      }] }
    }))
    oauth_token {
      service_account_email = google_service_account.start.email
    }
  }
}
