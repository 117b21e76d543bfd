"""The questions: one module per subject. Every public function of a subject is a question with an SQL file of its name.

The catalog finds them; helpers of a subject begin with an underscore or are in `query.analysis`.
"""
