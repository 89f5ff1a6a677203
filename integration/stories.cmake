# The stories, as tests: each against the program and the examples of this build. 77 means skipped, with the reason printed.
set(stories 09_what_a_story_notices 10_oracle_sessions 11_oracle_sessions_of_other_releases 12_twenty_rounds 13_bad_module_files 14_deaths
            15_what_goes_wrong 16_gen_server_as_on_beam 17_options 18_code_as_on_beam 19_compile_from_the_shell 20_erl_call 21_outside_project 22_in_flight 23_debuggers 30_framing 31_pg 32_back_pressure 33_global 34_tls 35_outward 36_supervision_across 37_sweeps 38_neighbours 39_addresses 40_cluster 41_casts 42_liveness 45_native_records 46_dynamic_names 47_kernel_processes 50_applications 51_release_package 55_statem_event 52_release_session 53_ship_an_upgrade 56_upgrade_a_cluster 54_supervisors 57_upgrade_under_load 58_release_handler_as_on_beam)
add_subdirectory(${PROJECT_SOURCE_DIR}/integration/modules ${PROJECT_BINARY_DIR}/integration/modules)
set(environment "CNODE=$<TARGET_FILE:cnode>;EXAMPLES=${PROJECT_BINARY_DIR}/examples;STORY_MODULES=${PROJECT_BINARY_DIR}/story_modules")
if(CNODE_SANITIZE)
  # The node hears the same from a newer shell as from this one, an outside project is built without sanitizers, and what a story notices is
  # bash: none shows a sanitizer anything new. Three rounds take each path that twenty take; the growth of memory is the sanitizer's own there.
  list(REMOVE_ITEM stories 09_what_a_story_notices 11_oracle_sessions_of_other_releases 21_outside_project)
  # What these play, the unit tests play with sanitizers, too; with both, the check would take twice its time. By hand:
  # CNODE=build/asan/bin/cnode EXAMPLES=build/asan/examples STORY_MODULES=build/asan/story_modules SANITIZED=1 integration/35_outward.sh
  list(REMOVE_ITEM stories 34_tls 35_outward 36_supervision_across 37_sweeps 38_neighbours 39_addresses 42_liveness 45_native_records 46_dynamic_names
       47_kernel_processes 50_applications 51_release_package 52_release_session 53_ship_an_upgrade 54_supervisors 55_statem_event 56_upgrade_a_cluster 57_upgrade_under_load 58_release_handler_as_on_beam)
  # Whole clusters under load: for races.
  if(NOT CNODE_SANITIZE MATCHES "thread")
    list(REMOVE_ITEM stories 40_cluster 41_casts)
  endif()
  list(APPEND environment ROUNDS=3 SANITIZED=1)
endif()
foreach(story ${stories})
  add_test(NAME story.${story} COMMAND ${PROJECT_SOURCE_DIR}/integration/${story}.sh)
  set_tests_properties(story.${story} PROPERTIES SKIP_RETURN_CODE 77 TIMEOUT 900 LABELS story ENVIRONMENT "${environment}")
endforeach()
# Silence of some seconds means something there: nothing else runs beside it.
if(TEST story.42_liveness)
  set_tests_properties(story.42_liveness PROPERTIES RUN_SERIAL ON)
endif()
