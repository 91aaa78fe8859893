"""Keys and tokens that a vendor gives a form of their own, by which they are known wherever they stand.

The kinds are those of gitleaks, detect-secrets and the vendors' own pages; the patterns are ours and mostly shorter,
for what follows a vendor's prefix is its key.
"""

from dataclasses import dataclass

from parsers.redact.rule import START, Rule, by_form, literals, words

_W = "[0-9A-Za-z_-]"
_A = "[0-9A-Za-z]"
#: A dollar sign and a slash, also in a URL.
_D = r"(?:\$|%24)"
_S = "(?:/|%2[Ff])"


@dataclass(frozen=True)
class Form:
    """One vendor's form: what it begins with (inside: or holds), in lower case, separated by spaces; and an example."""

    signs: str
    pattern: str
    example: str
    inside: bool = False


_FORMS = (
    # clouds and hosts
    Form("akia asia abia acca", "A(?:KIA|SIA|BIA|CCA)[0-9A-Z]{16}", "AKIA{A16}"),
    Form("absk", "ABSK[0-9A-Za-z+/%]{40,}", "ABSK{b110}"),
    Form("aiza", f"AIza{_W}{{30,}}", "AIza{w35}"),
    Form("ya29.", rf"ya29\.{_W}{{10,}}", "ya29.{w60}"),
    Form("1//0", f"1//0{_W}{{30,}}", "1//0{w60}"),
    Form("gocspx-", f"GOCSPX-{_W}{{20,}}", "GOCSPX-{w28}"),
    Form("goog1e", "GOOG1E[0-9A-Z]{18,}", "GOOG1E{A20}"),
    Form("ltai", f"LTAI{_A}{{12,}}", "LTAI{n20}"),
    Form("akid", f"AKID{_A}{{13,}}", "AKID{n32}"),
    Form("q~", r"[0-9A-Za-z_.~-]{3}[0-9]Q~[0-9A-Za-z_.~-]{31,}", "{n3}8Q~{w34}", inside=True),
    Form("do00", "DO00[0-9A-Z]{16}", "DO00{A16}"),
    Form("dop_v1_ doo_v1_ dor_v1_", "do[opr]_v1_[0-9a-f]{40,}", "dop_v1_{x64}"),
    Form("dapi", "dapi[0-9a-f]{32}", "dapi{x32}"),
    Form("hrku-", f"HRKU-{_W}{{30,}}", "HRKU-{w60}"),
    Form("fo1_", f"fo1_{_W}{{20,}}", "fo1_{w43}"),
    Form("fm1r_ fm1a_ fm2_", f"fm(?:1r|1a|2)_{_A}[0-9A-Za-z+/%_-]{{40,}}", "fm2_{n100}"),
    Form("nfp_", f"nfp_{_A}{{30,}}", "nfp_{n36}"),
    Form("vercel_blob_rw_", "vercel_blob_rw_[0-9A-Za-z_]{16,}", "vercel_blob_rw_{n16}_{n30}"),
    Form("vcp_ vca_ vck_ vci_ vcr_", f"vc[pakir]_{_A}{{24,}}", "vcp_{n56}"),
    Form("napi_", f"napi_{_A}{{30,}}", "napi_{a64}"),
    Form("rnd_", f"rnd_{_A}{{24,}}", "rnd_{n32}"),
    Form("pscale_", f"pscale_(?:tkn|pw|oauth)_{_W}{{20,}}", "pscale_tkn_{w43}"),
    Form("sbp_", "sbp_[0-9A-Za-z_]{30,}", "sbp_{x40}"),
    Form("sb_secret_", f"sb_secret_{_W}{{16,}}", "sb_secret_{w31}"),
    Form(".atlasv1.", rf"{_A}{{10,20}}\.atlasv1\.{_W}{{40,}}", "{n14}.atlasv1.{w67}", inside=True),
    Form("hvs. hvb. hvr.", rf"hv[sbr]\.{_W}{{20,}}", "hvs.{w95}"),
    Form("pul-", "pul-[0-9a-f]{40}", "pul-{x40}"),
    Form("pnu_ pnb_", f"pn[ub]_{_A}{{30,}}", "pnu_{n36}"),
    Form("tskey-", f"tskey-[a-z]+-{_W}{{12,}}", "tskey-auth-{n17}-{n32}"),
    Form("v1.0-", r"v1\.0-[0-9a-f]{24}-[0-9a-f]{100,}", "v1.0-{x24}-{x146}"),
    Form("sha256~", f"sha256~{_W}{{40,}}", "sha256~{w43}"),
    Form("ycaj aqvn", f"(?:YCAJ|AQVN){_W}{{20,}}", "AQVN{w36}"),
    Form("t1.", rf"t1\.[0-9A-Za-z_-]{{1,8}}=?=?\.{_W}{{80,}}=?=?", "t1.9eu{w4}.{w86}"),
    Form("ops_eyj", f"ops_eyJ{_W}{{20,}}", "ops_eyJ{w100}"),
    Form("a3-", "A3-[0-9A-Z]{6}-(?:[0-9A-Z]{5,11}-){3,4}[0-9A-Z]{5}", "A3-{A6}-{A6}-{A5}-{A5}-{A5}"),
    Form("age-secret-key-1", "AGE-SECRET-KEY-1[0-9A-Z]{50,}", "AGE-SECRET-KEY-1{A58}"),
    # code, packages and builds
    Form("ghp_ gho_ ghs_ ghu_ ghr_", f"gh[pousr]_{_A}{{20,}}", "ghp_{n36}"),
    Form("github_pat_", "github_pat_[0-9A-Za-z_]{20,}", "github_pat_{n22}_{n59}"),
    Form(
        "glpat- glrt- glrtr- gldt- glft- glptt- glsoat- glimt- gloas- glffct- glcbt- glagent-",
        f"gl(?:pat|rt|rtr|dt|ft|ptt|soat|imt|oas|ffct|cbt|agent)-{_W}{{16,}}[0-9A-Za-z_.-]*",
        "glpat-{w20}",
    ),
    Form("gr1348941", f"GR1348941{_W}{{16,}}", "GR1348941{w20}"),
    Form("npm_", f"npm_{_A}{{30,}}", "npm_{n36}"),
    Form("pypi-", f"pypi-{_W}{{30,}}", "pypi-AgEIcHlwaS5vcmc{w150}"),
    Form("rubygems_", "rubygems_[0-9a-f]{40,}", "rubygems_{x48}"),
    Form("clojars_", f"CLOJARS_{_A}{{50,}}", "CLOJARS_{a60}"),
    Form("cio", f"cio{_A}{{32}}", "cio{n32}"),
    Form("oy2", "oy2[a-z0-9]{43}", "oy2{a43}"),
    Form("dckr_pat_ dckr_oat_", f"dckr_[op]at_{_W}{{20,}}", "dckr_pat_{w27}"),
    Form("akcp cmvmdgtu", f"(?:AKCp|cmVmdGtu){_A}{{40,}}", "AKCp{n69}"),
    Form("bkua_", "bkua_[0-9a-f]{30,}", "bkua_{x40}"),
    Form("ccipat_ cciprj_", f"CCIP(?:AT|RJ)_{_A}{{10,}}_[0-9a-f]{{30,}}", "CCIPAT_{n22}_{x40}"),
    Form("sqa_ sqp_ squ_", "sq[apu]_[0-9a-f]{40}", "squ_{x40}"),
    Form("sgp_", "sgp_(?:[0-9A-Fa-f]{16}_|local_)?[0-9A-Fa-f]{40}", "sgp_{x16}_{x40}"),
    Form("snyk_", r"snyk_[a-z]{3}\.[0-9A-Za-z_.-]{20,}", "snyk_uat.{x8}.{w60}"),
    Form("tfp_", "tfp_[0-9A-Za-z_.=-]{40,}", "tfp_{n60}"),
    Form("atatt atctt atbb atstt", f"AT(?:ATT|CTT|BB|STT){_A}{_W}{{20,}}[0-9A-Za-z_=.-]*", "ATATT3xFfGF0{w60}"),
    Form("api-", "API-[0-9A-Z]{26,}", "API-{A27}"),
    Form("lin_api_ lin_oauth_", f"lin_(?:api|oauth)_{_A}{{32,}}", "lin_api_{n40}"),
    Form("ntn_", f"ntn_{_A}{{32,}}", "ntn_{n46}"),
    Form("figd_ figo_ figr_ figu_", f"fig[doru]_{_W}{{30,}}", "figd_{w40}"),
    Form(
        "dp.pt. dp.st. dp.ct. dp.sa. dp.said. dp.scim. dp.audit.",
        rf"dp\.(?:pt|st|ct|sa|said|scim|audit)\.(?:[a-z0-9_-]{{1,40}}\.)?{_A}{{30,}}",
        "dp.st.prd.{n43}",
    ),
    Form("pmak-", "PMAK-[0-9a-f]{24}-[0-9a-f]{30,}", "PMAK-{x24}-{x34}"),
    Form("dnkey-", f"dnkey-{_W}{{26,}}", "dnkey-{w64}"),
    Form("pat-na pat-eu pat-ap", "pat-(?:na|eu|ap)[0-9]-[0-9A-Fa-f-]{32,}", "pat-na1-{x8}-{x4}-{x4}-{x4}-{x12}"),
    Form("pat. sat.", rf"[ps]at\.{_W}{{20,24}}\.[0-9a-f]{{24}}\.{_A}{{16,}}", "pat.{w22}.{x24}.{n20}"),
    Form("rdme_", "rdme_[a-z0-9]{60,}", "rdme_{a70}"),
    Form("ico-", f"ico-{_A}{{32}}", "ico-{n32}"),
    Form("_mmk", f"{_A}{{6}}_{_A}{{29}}_mmk", "{n6}_{n29}_mmk", inside=True),
    Form("phc_ phx_", f"ph[cx]_{_A}{{30,}}", "phx_{n43}"),
    # language models
    Form("sk- rk-", rf"[sr]k-(?:{_A}{{16,}}{_W}*|(?:proj|ant|live|or|svcacct|admin|lf)-{_W}{{16,}})", "sk-{n48}"),
    Form("hf_ api_org_", f"(?:hf|api_org)_{_A}{{30,}}", "hf_{n34}"),
    Form("r8_ gsk_", f"(?:r8|gsk)_{_A}{{30,}}", "r8_{n37}"),
    Form("pplx- xai-", f"(?:pplx|xai)-{_A}{{30,}}", "pplx-{n48}"),
    Form("fw_", f"fw_{_A}{{22,}}", "fw_{n24}"),
    Form("lsv2_", f"lsv2_(?:pt|sk)_{_W}{{30,}}", "lsv2_pt_{x32}_{x10}"),
    Form("pcsk_", f"pcsk_{_W}{{30,}}", "pcsk_{n5}_{n63}"),
    Form("nvapi-", f"nvapi-{_W}{{40,}}", "nvapi-{w64}"),
    Form("aio_", f"aio_{_A}{{28}}", "aio_{n28}"),
    # money and shops
    Form("k_live_ k_test_ k_prod_", f"[srp]k_(?:live|test|prod)_{_A}{{10,}}", "sk_live_{n24}", inside=True),
    Form("whsec_", "whsec_[0-9A-Za-z+/]{20,}", "whsec_{n32}"),
    Form("shpat_ shpss_ shpca_ shppa_ shpua_", "shp(?:at|ss|ca|pa|ua)_[0-9A-Fa-f]{20,}", "shpss_{x32}"),
    Form("sq0", f"sq0[a-z]{{3}}-{_W}{{22,}}", "sq0csp-{w43}"),
    Form("eaaa", f"EAAA{_W}{{56,}}", "EAAA{w60}"),
    Form(
        "access_token$ access_token%24",
        rf"access_token{_D}(?:production|sandbox){_D}[0-9a-z]{{16}}{_D}[0-9a-f]{{32}}",
        "access_token$production${a16}${x32}",
    ),
    Form("production_ sandbox_", "(?:production|sandbox)_[0-9a-z]{8}_[0-9a-z]{16}", "production_{a8}_{a16}"),
    Form(
        "access-sandbox- access-dev access-prod",
        "access-(?:sandbox|development|production)-[0-9a-f-]{36}",
        "access-production-{x8}-{x4}-{x4}-{x4}-{x12}",
    ),
    Form("rzp_live_ rzp_test_", f"rzp_(?:live|test)_{_A}{{14,}}", "rzp_live_{n14}"),
    Form("flwseck flwpubk", f"FLW(?:SEC|PUB)K(?:_TEST)?-{_A}{{20,}}(?:-X)?", "FLWSECK-{x32}-X"),
    Form("app_usr-", f"APP_USR-{_W}{{30,}}", "APP_USR-{d16}-{d6}-{x32}"),
    Form("ezak eztk", f"EZ[AT]K{_A}{{54,}}", "EZAK{n54}"),
    Form("shippo_", "shippo_(?:live|test)_[0-9a-f]{40}", "shippo_live_{x40}"),
    Form("duffel_", f"duffel_(?:live|test)_{_W}{{40,}}", "duffel_live_{w43}"),
    Form("live_ test_", f"(?:live|test)_{_A}{{30,}}", "live_{n40}"),
    # messages and mail
    Form("xox", r"xox[abceoprs](?:\.xox[bp])?-[0-9A-Za-z-]{10,}", "xoxb-{d12}-{d12}-{n24}"),
    Form("xapp- xwfp-", "x(?:app|wfp)-[0-9A-Za-z-]{10,}", "xapp-1-A{A10}-{d13}-{x64}"),
    Form(
        "hooks.slack.com",
        rf"hooks\.slack\.com{_S}(?:services|workflows|triggers){_S}[0-9A-Za-z/%_-]+",
        "https://hooks.slack.com/services/T{A8}/B{A8}/{n24}",
        inside=True,
    ),
    Form(
        "webhooks/ webhooks%2f",
        rf"discord(?:app)?\.com{_S}api{_S}(?:v[0-9]+{_S})?webhooks{_S}[0-9]+{_S}[0-9A-Za-z_-]+",
        "https://discord.com/api/webhooks/{d18}/{w68}",
        inside=True,
    ),
    Form(
        "webhook.office.com",
        rf"webhook\.office\.com{_S}[0-9A-Za-z/%@_-]+",
        "https://shop.webhook.office.com/webhookb2/{x32}@{x32}/IncomingWebhook/{x32}",
        inside=True,
    ),
    Form(
        "hooks.zapier.com",
        rf"hooks\.zapier\.com{_S}hooks{_S}catch{_S}[0-9A-Za-z/%]+",
        "https://hooks.zapier.com/hooks/catch/{d7}/{a7}/",
        inside=True,
    ),
    Form(
        "logic.azure.com",
        rf"logic\.azure\.com(?::[0-9]+)?{_S}workflows{_S}[0-9A-Za-z/?&=%._-]+",
        "https://p-1.westeurope.logic.azure.com:443/workflows/{x32}/triggers/manual/paths/invoke?sig={w43}",
        inside=True,
    ),
    Form(":aa %3aaa", f"[0-9]{{8,10}}(?::|%3A)AA{_W}{{30,}}", "bot{d9}:AA{w33}", inside=True),
    Form("sg.", rf"SG\.{_W}{{16,}}\.{_W}{{16,}}", "SG.{w22}.{w43}"),
    Form("key-", "(?:pub)?key-[0-9a-f]{32}", "key-{x32}"),
    Form("-us", "[0-9a-f]{32}-us[0-9]{1,2}", "{x32}-us14", inside=True),
    Form("xkeysib- xsmtpsib-", f"x(?:key|smtp)sib-[0-9a-f]{{40,}}-{_A}{{16}}", "xkeysib-{x64}-{n16}"),
    Form("re_", f"re_{_A}{{8}}_{_A}{{20,}}", "re_{n8}_{n24}"),
    Form("apa91b", f"(?:AAAA{_W}{{7}}:)?APA91b{_W}{{30,}}", "AAAA{w7}:APA91b{w134}", inside=True),
    Form("aaaaaaaaaaaaaaaa", "AAAAAAAAAAAAAAAA[0-9A-Za-z%]{40,}", "AAAAAAAAAAAAAAAAAAAAA{n90}"),
    Form("eaac eaab eaaj eaah eaag", "EAA[BCGHJ][0-9A-Za-z]{20,}", "EAAC{n90}"),
    Form("fio-u-", f"fio-u-{_W}{{40,}}", "fio-u-{w64}"),
    Form("s-s4t2", "s-s4t2(?:ud|af)-[0-9a-f]{60,}", "s-s4t2ud-{x64}"),
    Form("sl.", rf"sl\.(?:u\.)?{_W}{{60,}}", "sl.{w130}"),
    # monitoring
    Form("glsa_ glc_", f"gl(?:sa|c)_{_A}{{20,}}[0-9A-Za-z_+/=]*", "glsa_{n32}_{x8}"),
    Form("nrak- nrjs- nrii- nraa- nrra-", f"NR(?:AK|JS|II|AA|RA)-{_W}{{16,}}", "NRAK-{A27}"),
    Form("nral", "[0-9a-f]{36}NRAL", "{x36}NRAL", inside=True),
    Form("dt0", r"dt0[a-z][0-9]{2}\.[0-9A-Z]{24}\.[0-9A-Z]{60,}", "dt0c01.{A24}.{A64}"),
    Form("sntrys_ sntryu_", "sntry[su]_[0-9A-Za-z+/=%_-]{40,}", "sntrys_{n80}"),
    # hashes of passwords, from which short ones are found
    Form("$2 %242", rf"{_D}2[abxy]{_D}[0-9]{{2}}{_D}[0-9A-Za-z./%]{{50,}}", "$2b$12${n53}"),
    Form(
        "$argon2 %24argon2",
        rf"{_D}argon2(?:id|i|d){_D}[0-9A-Za-z$=,+/%]{{20,}}",
        "$argon2id$v=19$m=65536,t=3,p=4${n22}${n43}",
    ),
    Form(
        "$5 $6 %245 %246",
        rf"{_D}[56]{_D}(?:rounds=[0-9]+{_D})?[0-9A-Za-z./]{{4,16}}{_D}[0-9A-Za-z./%]{{40,}}",
        "$6${n8}${n86}",
    ),
    Form("$apr1 %24apr1", rf"{_D}apr1{_D}[0-9A-Za-z./]{{4,8}}{_D}[0-9A-Za-z./]{{20,}}", "$apr1${n8}${n22}"),
    Form(
        "pbkdf2_sha",
        rf"pbkdf2_sha[0-9]+{_D}[0-9]+{_D}[0-9A-Za-z]+{_D}[0-9A-Za-z+/=%]{{20,}}",
        "pbkdf2_sha256$600000${n22}${n44}",
    ),
)

VENDORS = Rule(
    "key of a vendor",
    literals(*(sign for form in _FORMS if form.inside for sign in form.signs.split()))
    | words(*(sign for form in _FORMS if not form.inside for sign in form.signs.split())),
    rf"(^|[^A-Za-z_]|\\[nrt]|bot|%[0-9A-Fa-f]{{2}})(?:{'|'.join(form.pattern for form in _FORMS)})[0-9A-Za-z]*",
    "${1}<key>",
    examples=tuple(form.example for form in _FORMS),
    near_misses=(
        *("gpt-4o-mini, claude-3-5-sonnet-20241022", "sk-learn-contrib-hdbscan-estimators", "import sk_test_helpers"),
        *("task_live_executor_running_0123456789", "risk-assessment-of-something-quite-long", "npm_config_cache"),
        *("sha256:{x64}", "key-value store", "hooks.slack.com", "glpat-", "re_compile", "pat.group(1)", "secret_store"),
    ),
)

#: Forms whose literal is too short or too common to be a sign: of Twilio, Discord, Airtable, and of Notion once.
FORMS_WITHOUT_LITERAL = Rule(
    "key by its form alone",
    by_form(r"(?:SK|AC)[0-9a-f]{32}|\.[0-9A-Za-z_-]{6}\.[0-9A-Za-z_-]{27}|pat[0-9A-Za-z]{14}\.|secret_[0-9A-Za-z]{32}"),
    rf"{START}(?:(?:SK|AC)[0-9a-f]{{32}}|[MNO]{_W}{{23,27}}\.{_W}{{6}}\.{_W}{{27,40}}"
    rf"|pat{_A}{{14}}\.[0-9a-f]{{50,}}|secret_{_A}{{32,}})",
    "${1}<key>",
    examples=("SK{x32}", "AC{x32}", "MTE{n23}.{n6}.{w38}", "pat{n14}.{x64}", "secret_{n43}"),
    near_misses=("AC12 and SKU-1", "Module.method.call"),
)
