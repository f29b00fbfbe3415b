package providers

import "github.com/caddy-webhooks/caddy-webhooks/verifiers"

// Ko-fi posts a form whose one field is JSON, in which it repeats a token.
// Nothing is signed, and the token stays in the payload, so whoever may read
// the events could send some.
var KoFi = add(verifiers.Provider{
	Name:       "ko-fi",
	Title:      "Ko-fi",
	Docs:       "https://ko-fi.com/manage/webhooks",
	Scheme:     verifiers.Token{Source: verifiers.Form("data").Inner("/verification_token")},
	SecretHint: "the verification token, under Manage > API > Webhooks > Advanced",
	ID:         verifiers.First(verifiers.Form("data").Inner("/message_id"), verifiers.Form("data").Inner("/kofi_transaction_id")),
	Type:       verifiers.Form("data").Inner("/type"),
	Time:       verifiers.Form("data").Inner("/timestamp"),
	TypePrefix: "com.ko-fi",

	Category: "commerce",
	Setup:    "Enter the URL under Manage > API > Webhooks; the verification token is under Advanced.",
	Retries:  "By report repeated until it is answered with 200.",
	Notes: []string{
		"The verification token is inside the payload, and so are names and e-mail addresses of supporters: restrict who may read these events.",
		"The body is a form with one field, data, that is JSON.",
	},
	Sources:    []string{"https://ko-fi.com/manage/webhooks"},
	Confidence: verifiers.Medium,
})
