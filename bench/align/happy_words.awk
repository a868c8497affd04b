#!/usr/bin/awk -f
# The known reward of the experiment, as a program for --reward-command: reads {"prompt": …, "completion": …} per line and writes a score.
#
# The number of different happy words in the answer less the number of different sad ones, at least -3 and at most 3. A word counts once
# however often it stands there, and only in a sentence that has an end.
BEGIN {
  rate(1, "happy happily smile smiled smiling laugh laughed laughing love loved loves fun nice kind good best better friend friends hug hugged " \
          "proud glad excited joy beautiful pretty thank thanked thanks liked wonderful safe helped share shared")
  rate(-1, "sad sadly cry cried crying angry mad scared afraid hurt lost bad mean broken broke sorry worried upset alone pain hard dark hated sick")
}

{
  text = $0
  sub(/.*"completion": ?"/, "", text)
  sub(/"}[ \t\r]*$/, "", text)
  gsub(/\\./, " ", text)  # \n and \" are no letters
  text = match(text, /.*[.!?]/) ? substr(text, 1, RLENGTH) : ""
  split("", seen)
  score = 0
  count = split(tolower(text), words, /[^a-z]+/)
  for (i = 1; i <= count; ++i)
    if (words[i] in value && !(words[i] in seen)) {
      seen[words[i]]
      score += value[words[i]]
    }
  print (score > 3 ? 3 : score < -3 ? -3 : score)
}

function rate(worth, list,    names, i, n) {
  n = split(list, names, " ")
  for (i = 1; i <= n; ++i) value[names[i]] = worth
}
