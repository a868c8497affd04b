" Fills the gap at the cursor of the buffer, as llama.vim asks for it: its requests, sent by curl from a job. For tests:
"   nvim --headless --clean FILE -c 'call cursor(2, 11)' -S tests/editors/fill.vim
" with the server's /infill in $ORRERY_ENDPOINT. What is wrong goes to standard error, and the editor's exit code is 1.

let s:answer = ''

function! s:ask(request) abort
  let l:said = []
  let l:job = jobstart(['curl', '--silent', '--no-buffer', '--max-time', '120', '--request', 'POST', '--url', $ORRERY_ENDPOINT,
        \ '--header', 'Content-Type: application/json', '--data', '@-'],
        \ {'stdout_buffered': v:true, 'on_stdout': {_, lines, __ -> extend(l:said, lines)}})
  call chansend(l:job, json_encode(a:request))
  call chanclose(l:job, 'stdin')
  if jobwait([l:job])[0] != 0
    throw 'curl reached nobody at ' . $ORRERY_ENDPOINT
  endif
  let l:answer = json_decode(join(l:said, "\n"))
  if has_key(l:answer, 'error')
    throw l:answer.error.message
  endif
  return l:answer
endfunction

function! s:fill() abort
  let l:line = getline('.')
  let l:before = strpart(l:line, 0, col('.') - 1)
  let l:behind = strpart(l:line, col('.') - 1)
  let l:extra = [{'text': "def twice(x):\n    return 2 * x\n", 'time': reltime(), 'filename': 'other.py'}]
  let l:common = {'id_slot': 0, 'input_extra': l:extra, 'stream': v:false, 'cache_prompt': v:true}

  " What the plugin sends in idle moments, so that the next request finds the other files' texts computed.
  call s:ask(extend({'input_prefix': '', 'input_suffix': '', 'prompt': '', 'n_predict': 0, 'temperature': 0.0, 'samplers': [],
        \ 't_max_prompt_ms': 1, 't_max_predict_ms': 1, 'response_fields': ['']}, l:common))

  let l:answer = s:ask(extend({
        \ 'input_prefix': join(getline(1, line('.') - 1), "\n") . "\n",
        \ 'input_suffix': l:behind . "\n" . join(getline(line('.') + 1, '$'), "\n") . "\n",
        \ 'prompt': l:before,
        \ 'n_predict': 24,
        \ 'stop': [],
        \ 'n_indent': strlen(matchstr(l:line, '^\s*')),
        \ 'top_k': 40,
        \ 'top_p': 0.99,
        \ 'samplers': ['top_k', 'top_p', 'infill'],
        \ 't_max_prompt_ms': 500,
        \ 't_max_predict_ms': 60000,
        \ 'response_fields': ['content', 'timings/prompt_n', 'timings/prompt_ms', 'timings/prompt_per_token_ms',
        \   'timings/prompt_per_second', 'timings/predicted_n', 'timings/predicted_ms', 'timings/predicted_per_token_ms',
        \   'timings/predicted_per_second', 'truncated', 'tokens_cached'],
        \ }, l:common))
  for l:field in ['timings/prompt_n', 'timings/prompt_per_token_ms', 'timings/predicted_per_second', 'truncated', 'tokens_cached']
    if !has_key(l:answer, l:field)
      throw 'no ' . l:field . ' in ' . string(l:answer)
    endif
  endfor

  let l:lines = split(l:answer.content, "\n", 1)
  let l:lines[0] = l:before . l:lines[0]
  let l:lines[-1] .= l:behind
  call setline('.', l:lines[0])
  call append('.', l:lines[1:])
  write
endfunction

try
  call s:fill()
  quitall!
catch
  call writefile([v:exception], '/dev/stderr', 'a')
  cquit 1
endtry
