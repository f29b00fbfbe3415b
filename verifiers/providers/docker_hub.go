package providers

import (
	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Docker Hub signs nothing and sends no secret. All that can be done is a URL
// that nobody can guess: a token of one's own in its query.
var DockerHub = add(verifiers.Provider{
	Name:       "docker-hub",
	Title:      "Docker Hub",
	Docs:       "https://docs.docker.com/docker-hub/repos/manage/webhooks/",
	Scheme:     verifiers.Token{Source: verifiers.Query("token")},
	SecretHint: "the text after ?token= in the URL that you gave to Docker Hub",
	ID:         verifiers.Join(".", verifiers.JSON("/repository/repo_name"), verifiers.JSON("/push_data/tag"), verifiers.JSON("/push_data/pushed_at")),
	Type:       verifiers.Const("push"),
	Time:       verifiers.JSON("/push_data/pushed_at"),
	TypePrefix: "com.docker.hub",
	NeedsJSON:  true,

	Category: "dev",
	Setup:    "Add the webhook under Webhooks of the repository, with ?token= and a long random text of your own at the end of the URL.",
	Retries:  "Not documented.",
	Notes: []string{
		"The token is in the URL: keep it out of access logs.",
		"Nothing that the body names, such as callback_url, may be called.",
	},
	Sources: []string{
		"https://docs.docker.com/docker-hub/repos/manage/webhooks/",
	},
	Confidence: verifiers.High,
})
