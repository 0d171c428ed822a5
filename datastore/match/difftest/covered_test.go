package difftest_test

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestEveryOperatorIsCompared fails for an operator of the query language that
// none of the questions to mingo has. LokiJS's names are no part of MongoDB, and
// have their tables in the tests of match.
func TestEveryOperatorIsCompared(t *testing.T) {
	asked := map[string]bool{}
	for _, file := range []string{"random_test.go", "expressions_test.go", "pipeline_test.go", "differences_test.go", "schema_test.go"} {
		source, err := os.ReadFile(file)
		require.NoError(t, err)
		for _, name := range regexp.MustCompile(`["\x60](\$[a-zA-Z0-9]+)["\x60]`).FindAllStringSubmatch(string(source), -1) {
			asked[name[1]] = true
		}
	}
	for group, operators := range map[string]string{
		"criteria": "$eq $ne $gt $gte $lt $lte $in $nin $and $or $nor $not $exists $type $regex $options $mod $all $elemMatch $size $expr $jsonSchema " +
			"$bitsAllSet $bitsAnySet $bitsAllClear $bitsAnyClear",
		"projections": "$slice $elemMatch",
		"stages": "$match $project $addFields $set $unset $group $sort $skip $limit $unwind $count $facet $bucket $bucketAuto $sortByCount " +
			"$replaceRoot $replaceWith $sample $lookup",
		"accumulators": "$avg $sum $min $max $first $last $push $addToSet $count $stdDevPop $stdDevSamp $mergeObjects $firstN $lastN $minN $maxN " +
			"$top $topN $bottom $bottomN $median $percentile",
		"expressions": "$cmp $add $subtract $multiply $divide $abs $ceil $floor $round $trunc $pow $exp $sqrt $ln $log $log10 $concat $toLower $toUpper " +
			"$strLenCP $substrCP $split $trim $replaceOne $replaceAll $regexMatch $regexFind $regexFindAll $arrayElemAt $concatArrays $isArray $range " +
			"$reverseArray $indexOfArray $zip $map $filter $reduce $sortArray $setUnion $setIntersection $setDifference $setEquals $setIsSubset " +
			"$objectToArray $arrayToObject $getField $setField $unsetField $cond $ifNull $switch $let $literal $toString $toInt $toDouble $toBool $toLong " +
			"$convert $isNumber $year $month $dayOfMonth $hour $minute $second $dateAdd $dateSubtract $dateDiff $dateTrunc $dateToString $dateFromString " +
			"$dateToParts $dateFromParts",
	} {
		for _, name := range strings.Fields(operators) {
			require.True(t, asked[name], "no question has %s of the %s", name, group)
		}
	}
}
