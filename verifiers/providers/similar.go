package providers

import (
	"cmp"
	"slices"
	"strings"
)

// maxSimilar is how many names an error suggests.
const maxSimilar = 3

// Similar returns the names of the catalogue, three at most, that somebody who
// wrote name may have meant, the likeliest first: those with few slips of the hand, then
// those of which name is a part or the other way round.
func Similar(name string) []string {
	type candidate struct {
		name  string
		slips int
	}
	allowed := min(max(len(name)/3, 1), 2)
	if name == "" {
		return nil
	}
	var found []candidate
	for _, p := range All() {
		best := -1
		for _, known := range append([]string{p.Name}, p.Aliases...) {
			slips := distance(name, known)
			if part := strings.Contains(known, name) || strings.Contains(name, known); slips > allowed && !part {
				continue
			}
			if best < 0 || slips < best {
				best = slips
			}
		}
		if best >= 0 {
			found = append(found, candidate{p.Name, best})
		}
	}
	slices.SortStableFunc(found, func(a, b candidate) int { return cmp.Compare(a.slips, b.slips) })
	var names []string
	for _, c := range found[:min(len(found), maxSimilar)] {
		names = append(names, c.name)
	}
	return names
}

// distance is how many bytes must be inserted, removed or replaced to make b out
// of a (Levenshtein's distance).
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
