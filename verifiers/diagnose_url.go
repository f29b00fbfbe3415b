package verifiers

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// url tries what proxies do to URLs.
func (d *diagnoser) url() (Diagnosis, bool) {
	v, err := d.provider.New(d.cfg)
	if err != nil || d.req.URL == nil {
		return Diagnosis{}, false
	}
	for _, variant := range urlVariants(d.req.URL, d.req.Header) {
		req := d.copyOf()
		req.URL = variant.url
		if d.fits(v, req) {
			return Diagnosis{CauseURL, variant.name}, true
		}
	}
	return Diagnosis{}, false
}

type urlVariant struct {
	name string
	url  *url.URL
}

// urlVariants are forms of the URL that the sender may have addressed, those
// with the fewest changes first.
func urlVariants(u *url.URL, header http.Header) []urlVariant {
	list := []urlVariant{{"", u}}
	vary := func(name func(url.URL) string, edit func(*url.URL) bool) {
		for _, v := range slices.Clip(list) {
			c := *v.url
			if !edit(&c) || c.String() == v.url.String() {
				continue
			}
			said := name(c)
			if v.name != "" {
				said = v.name + ", " + said
			}
			list = append(list, urlVariant{said, &c})
		}
	}
	scheme := func(c url.URL) string { return "the scheme is " + c.Scheme }
	host := func(c url.URL) string { return "the host is " + c.Host }
	if forwarded := header.Get("X-Forwarded-Host"); forwarded != "" && !strings.ContainsAny(forwarded, ", /") {
		vary(host, func(c *url.URL) bool { c.Host = forwarded; return true })
	}
	vary(scheme, func(c *url.URL) bool {
		c.Scheme = map[string]string{"http": "https", "https": "http"}[c.Scheme]
		return c.Scheme != ""
	})
	vary(host, func(c *url.URL) bool {
		if port := c.Port(); port != "" {
			c.Host = strings.TrimSuffix(c.Host, ":"+port)
			return true
		}
		c.Host += ":" + map[bool]string{true: "443", false: "80"}[c.Scheme == "https"]
		return true
	})
	vary(func(c url.URL) string {
		if strings.HasSuffix(c.Path, "/") {
			return "the path ends in a slash"
		}
		return "the path does not end in a slash"
	}, func(c *url.URL) bool {
		if path, ok := strings.CutSuffix(c.Path, "/"); ok {
			c.Path, c.RawPath = path, strings.TrimSuffix(c.RawPath, "/")
			return true
		}
		c.Path += "/"
		if c.RawPath != "" {
			c.RawPath += "/"
		}
		return true
	})
	vary(func(url.URL) string { return "there is no query" }, func(c *url.URL) bool {
		c.RawQuery, c.ForceQuery = "", false
		return true
	})
	return list[1:]
}
