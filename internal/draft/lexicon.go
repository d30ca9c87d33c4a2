package draft

import (
	"slices"
	"strings"
)

// class says what a word does in a sentence.
type class int

// Classes of words. Those after plain have a price or are refused.
const (
	unknown class = iota
	plain
	superlative
	comparative
	significant
	steadiness
	sameness
	trend
	cause
	universal
	optimal
	choose      // use, prefer: recommends a thing
	repeat      // measure, repeat: recommends more measuring
	notMeasured // says that there is no answer, and why
	notComparable
	undecided
	failure
	phase
	aggregate
	metricWord
	negation
	number
	date
	dimension // a unit
	evaluative
)

// sense is a class and what it says: a direction, a polarity.
type sense struct {
	class class
	arg   string
}

// Directions of superlatives and comparatives.
const (
	up, down, good, bad = "up", "down", "good", "bad"
	yes, no             = "yes", "no"
)

// lexicon maps words, and phrases of words with one blank between, to senses.
var lexicon = map[string]sense{}

func enter(s sense, phrases ...string) {
	for _, list := range phrases {
		for p := range strings.SplitSeq(list, ",") {
			p = strings.Join(strings.Fields(p), " ")
			if p != "" {
				lexicon[p] = s
			}
		}
	}
}

// each enters single words.
func each(s sense, words string) {
	for _, w := range strings.Fields(words) {
		lexicon[w] = s
	}
}

func init() {
	each(sense{class: plain}, `a an the this that these those it its itself they them their there here which who whose what where when whether how why if then than as
of in on at by for with from to into onto over between within against per about during through across among
and or also too so yet still even such other another own
is are was were be been being has have had having does do did can could may might would will should shall
take takes took taken give gives gave given get gets reach reaches reached show shows showed shown see seen run runs ran stand stands stood lie lies read reads
say says said state states come comes came go goes went hold holds held keep kept make makes made put puts need needs needed ask asks asked answer answers answered
compare compares compared measure measured measuring measures record records recorded observe observed load loads loaded loading start starts started decode decodes decoded decoding
generate generates generated process processes processed return returns returned send sent receive received report reports reported list lists listed look looks looked find finds found
count counts counted describe describes described note noted name names named include includes included spend spends spent wait waits waited
model models variant variants subject subjects quantization quantizations format formats weight weights file files name names system machine runtime runtimes server servers engine
client device devices backend backends kernel kernels operation operations method methods layer layers context window prompt prompts request requests response responses reply replies
token chunk chunks text texts output outputs input inputs run runs row rows value values number numbers level levels setting settings configuration configurations
option options factor factors parameter parameters block blocks cache phase phases interval intervals ratio ratios margin order sample samples trial trials experiment experiments
workload workloads suite test tests data dataset evidence fact facts finding findings result results answer report table section summary question reader readers comparison comparisons
agent agents call calls stage stages stream streams task tasks work length lengths budget measurement measurements clock repeat repeats loads start starts side sides place places
baseline difference differences scope detail details part parts share step steps way thing things point kind kinds set sets
here overall together alone again already next namely likewise however moreover furthermore meanwhile
itself while whereas but though although in short example
local imported relative absolute single separate given certain requested effective planned possible available present
i we you our your us let lets please
deliver delivers delivered achieve achieves achieved provide provides provided offer offers offered yield yields yielded produce produces produced perform performs performed respond responds responded
test tests tested evaluate evaluates evaluated analyse analyses analysed analyze analyzed examine examined consider considers considered indicate indicates indicated detect detected contain contains contained
using used until within despite regarding concerning according respect terms behaviour behavior user users interactive production application applications deployment hardware software choice choices scenario scenarios practice
field group groups pair pairs pass passes excluded left out before after initial start-up startup engine engines thread threads core cores target targets source sources lab benchmark benchmarks benchmarked
cost costs spent require requires required planned finished complete completed successful generation prefill decode response stream served serve serves serving work works working
statistical evidence certainty confidence figure figures`)
	enter(sense{class: plain}, "generates tokens, generate tokens, decodes tokens, produces tokens, tokens are generated, at least, at most, per gb, instead of, rather than, compared with, compared to, relative to, left out, of course, first token, first tokens, first request, first requests, last token, last request, for example, in short")

	each(sense{superlative, good}, "best fastest quickest winner winners wins leads leading top tops first")
	each(sense{superlative, up}, "highest largest greatest longest biggest most")
	each(sense{superlative, down}, "lowest smallest shortest least")
	each(sense{superlative, bad}, "worst slowest last")
	each(sense{comparative, up}, "higher more greater larger longer bigger exceeds exceed above")
	each(sense{comparative, down}, "lower less fewer smaller shorter below under")
	each(sense{comparative, good}, "faster quicker better outperforms outperform beats beat ahead speedup speed-up")
	enter(sense{comparative, good}, "speeds up, speed up")
	each(sense{comparative, bad}, "slower worse behind slowdown")
	each(sense{significant, yes}, "significant significantly")
	enter(sense{significant, yes}, "statistically significant, statistically significantly")
	enter(sense{significant, no}, "not significant, not statistically significant, not significantly affect, does not significantly affect, does not significantly change, no significant difference, no significant effect")
	each(sense{steadiness, yes}, "stable steady consistent consistently reliable reproducible repeatable uniform stay stays stayed")
	each(sense{steadiness, no}, "unstable noisy inconsistent unsteady variable erratic")
	each(sense{class: sameness}, "same equal identical equivalent unaffected unchanged equals alike similar similarly comparable")
	enter(sense{class: sameness}, "no difference, no effect, does not change, do not change, does not affect, does not matter")
	each(sense{class: trend}, `increases increase increasing decreases decrease decreasing grows grow growing rises rise rising falls fall falling drops drop linear linearly proportional
scales scale scaling correlates correlated correlation reduces reduce reducing improves improve improving degrades degrade raises lowers trend trends`)
	each(sense{class: cause}, `because cause causes caused causing impact impacts impacted affect affects affected influence influences influenced drive drives driven determine determines determined
depends depend matters critical crucial sensitive sensitivity effect effects changes change changing responsible therefore thus hence`)
	enter(sense{class: cause}, "due to, owing to, thanks to, leads to, results in, depends on, as a result of")
	each(sense{class: universal}, "all every each none always never any both everything everywhere nothing entire entirely whole")
	each(sense{class: optimal}, "optimal ideal optimum recommended cheapest winning")
	each(sense{class: choose}, "use choose prefer select pick adopt deploy favour favor recommend recommends suggest suggests")
	each(sense{class: repeat}, "repeat remeasure rerun randomise randomize interleave")
	enter(sense{class: repeat}, "measure again, run again, more blocks, more repeats, more requests, further measurement, further measurements, more measurements, measure it, should be measured, should be repeated")

	enter(sense{class: notMeasured}, "not measured, was not measured, were not measured, is not known, are not known, not known, not recorded, no value, no data, unmeasured, has no value, was not recorded")
	enter(sense{class: notComparable}, "not comparable, cannot be compared, can not be compared, incomparable, not compared")
	enter(sense{class: undecided}, `cannot be said, cannot be told apart, cannot be told, can not be told apart, not shown, is not shown, are not shown, inconclusive, undecided, no difference is shown,
no effect is shown, no winner, no best, not decided, does not decide, cannot be decided, not clear, unclear, uncertain`)
	each(sense{class: failure}, "failed fails failure failures error errors timeout timeouts lost crashed missing")
	enter(sense{class: failure}, "timed out, gave no value, did not finish, ended early")
	enter(sense{phase, "cold"}, "cold, cold one, cold ones")
	enter(sense{phase, "warm"}, "warm, warm one, warm ones")
	enter(sense{class: plain}, "p, n, p-value, that one, this one, other one, which one")

	each(sense{class: negation}, "not no nor neither only without cannot hardly barely rarely unlikely isn't aren't wasn't doesn't don't can't won't lacks lack false untrue except unless unlike instead")
	each(sense{class: number}, `zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen twenty thirty forty fifty sixty
seventy eighty ninety hundred hundreds thousand thousands million millions billion dozen dozens half halves third thirds quarter quarters fifth tenth double doubles doubled twice thrice triple
triples tripled quadruple quadrupled once pair couple several few many majority minority nearly roughly approximately almost second-best`)
	each(sense{class: date}, `january february march april june july august september october november december monday tuesday wednesday thursday friday saturday sunday today yesterday tomorrow
year years month months week weeks day days hour hours minute minutes currently recently now`)
	each(sense{class: dimension}, "second seconds millisecond milliseconds ms microsecond microseconds percent percentage gigabyte gigabytes megabyte megabytes bytes gb mb kb tok/s token/s tokens/s hz watt watts joule joules")
	each(sense{class: evaluative}, `impressive impressively excellent outstanding remarkable remarkably great good bad poor superior inferior robust efficient efficiently effective promising notable notably substantial substantially
dramatic dramatically huge massive tiny clear clearly strong strongly weak solid decent acceptable considerable considerably noticeable noticeably extremely very quite highly really truly exceptional exceptionally
powerful lightweight fast slow quick rapid rapidly high low large small long short nice surprising surprisingly interesting interestingly important importantly key main major minor marginal marginally modest slight slightly
balanced competitive suitable sufficient adequate attractive valuable useful reasonable sound sensible ultimately certainly definitely obviously undoubtedly basically essentially actually generally typically usually
particularly especially simply easily perfectly perfect amazing incredible incredibly superb terrible fantastic extraordinary unmatched unparalleled state-of-the-art cutting-edge blazing overwhelming overwhelmingly`)
	for _, t := range terms {
		lexicon[t.words] = sense{metricWord, t.words}
	}
	for words := range classes {
		lexicon[words] = sense{metricWord, words}
	}
	for words := range aggregates {
		lexicon[words] = sense{class: aggregate, arg: words}
	}
	for p := range lexicon {
		longest = max(longest, strings.Count(p, " ")+1)
	}
}

// longest is the number of words of the longest phrase.
var longest = 1

// Words lists the words of the plain sort that a sentence may use freely. Claim
// words are not among them.
func Words() []string {
	var out []string
	for w, s := range lexicon {
		if s.class == plain && !strings.Contains(w, " ") {
			out = append(out, w)
		}
	}
	slices.Sort(out)
	return out
}

// looksEvaluative guesses at an unknown word that only praises or blames.
func looksEvaluative(word string) bool {
	for _, end := range []string{"ly", "ous", "ful", "ive", "able", "ible", "less", "ish", "ic", "ant", "ent"} {
		if len(word) > len(end)+2 && strings.HasSuffix(word, end) {
			return true
		}
	}
	return false
}
